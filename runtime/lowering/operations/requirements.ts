import type { Emitter } from '../emitter.ts';
import { flatten, int, ints } from './sizes.ts';

/**
 * An int64 0 without dimensions, whose computation fails the run unless every one of `bools` is true. ONNX has no
 * assertion: the 0 is gathered from a list of one element, by position 1 if a condition does not hold. Whoever requires
 * something must use the 0, or the nodes fall away.
 */
export function requireAll(emitter: Emitter, bools: string): string {
  const violations = emitter.cast(emitter.node('Not', [flatten(emitter, bools)]), 'bool', 'int64');
  // A sum of nothing is 0: no condition is no violation.
  const count = emitter.node('ReduceSum', [violations], { keepdims: { int: 0 } });
  const position = emitter.node('Min', [count, int(emitter, 1)]);
  return emitter.node('Gather', [ints(emitter, [0]), position], { axis: { int: 0 } });
}

/** One element that is computed only if the requirement of `zero` holds. */
export function requiring(emitter: Emitter, element: string, zero: string): string {
  return emitter.node('Gather', [flatten(emitter, element), zero], { axis: { int: 0 } });
}
