/** The functions that compiled code calls. They are not meant to be called by hand. */
import './members.ts';

export { delete_, getitem, inherited, length, member, method, named, setitem } from './access.ts';
export { attempt } from './attempts.ts';
export { binary } from './binary.ts';
export { accessors, block, fresh, mark, sites } from './blocks.ts';
export { at, call, construct } from './calls.ts';
export { BREAK, CONTINUE, complete, jump, labelled, return_, throw_ } from './completions.ts';
export { typeof_ } from './kinds.ts';
export { cleaningUp, doWhile, forOf, while_ } from './loops.ts';
export { assigned, given, optional, sure } from './nullish.ts';
export { key, keysIn, plain, string, thrown } from './plain-values.ts';
export { andRight, chain, choose, ifElse, inTurn, nullishRight, orRight, proceed, ternary } from './sides.ts';
export { switch_ } from './switches.ts';
export {
  delegated,
  field,
  fields,
  items,
  note,
  place,
  state,
  tag,
  taken,
  touch,
  unnoted,
  variable,
} from './targets.ts';
export { increment, numeric, unary } from './unary.ts';
export { within } from './within.ts';
