/** What compiled code calls. Nothing here is meant to be written by hand. */
import './members.ts';

export { getitem, length, push, setitem } from './access.ts';
export { binary, increment, unary } from './arithmetic.ts';
export { block, mark, sites } from './blocks.ts';
export { at, log, math } from './calls.ts';
export { BREAK, CONTINUE, complete, jump, return_ } from './completions.ts';
export { and, andThen, conditional, if_, or } from './conditionals.ts';
export { doWhile, forOf, while_ } from './loops.ts';
export { native, plain, predicate, string, thrown } from './plain-values.ts';
