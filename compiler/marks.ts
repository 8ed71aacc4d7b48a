import type { ts } from 'ts-morph';
import type { Lowering } from './lowering.ts';
import { guardsOf } from './repeatable.ts';

/** The name an anonymous default export gets, so that it can be marked. */
export const DEFAULT_NAME = '__default';

/** What marks the function declarations of a statement list for the runtime: `mark(f);`, or `block(f, …);` with its guards. */
export function marksIn(lowering: Lowering, list: ts.Node): readonly string[] {
  return (lowering.traced.marks.get(list) ?? []).map((node) => {
    const name = node.name?.text ?? DEFAULT_NAME;
    const guards = guardsOf(lowering, node);
    return guards.length > 0 ? `__o.block(${[name, ...guards].join(', ')});` : `__o.mark(${name});`;
  });
}
