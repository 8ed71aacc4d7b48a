import type { ts } from 'ts-morph';
import type { Lowering } from './lowering.ts';
import { guardsOf } from './repeatable.ts';

/** The name an anonymous default export gets, so that it can be marked. */
export const DEFAULT_NAME = '__default';

/** What tells the runtime that a function declaration is compiled. */
export interface Mark {
  /** The function's name. */
  readonly name: string;
  /** `mark(f);`, or `block(f, …);` with what it takes from around it. */
  readonly code: string;
}

/** The marks of the functions that a statement list declares. */
export function marksIn(lowering: Lowering, list: ts.Node): readonly Mark[] {
  return (lowering.traced.marks.get(list) ?? []).map((node) => {
    const name = node.name?.text ?? DEFAULT_NAME;
    const guards = guardsOf(lowering, node);
    return { name, code: guards.length > 0 ? `__o.block(${[name, ...guards].join(', ')});` : `__o.mark(${name});` };
  });
}
