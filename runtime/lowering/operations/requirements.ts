import type { Emitter } from '../emitter.ts';
import { flatten, int, ints } from './sizes.ts';

/** What only the run can check, and what is wrong where it does not hold. */
export const REQUIREMENTS = {
  elements: 'no elements have no largest and no smallest one: the tensor is empty there. Ask for its size first.',
  enough: 'fewer elements are there than are asked for. Ask for the size first.',
  inside: 'an index is out of range: the dimension that it counts along has fewer elements.',
  counted:
    'an index is below 0, and none is counted from the end here, as in PyTorch. Add the size of the dimension to it.',
  fits: 'a whole number does not fit in the dtype of the place that it is set at. Convert it with to(…), which wraps around, or clamp it first.',
  covered: 'the indices have more elements along a dimension than the tensor that they select from.',
  dimensions: 'a matrix product takes no number without dimensions. Multiply by it with *.',
  exact:
    'the product of whole numbers may be beyond 2^53, where ONNX Runtime rounds it. Multiply fractions: prod of x.double().',
  mask: 'a mask has other sizes than the dimensions that it selects from.',
} as const;

export type Requirement = keyof typeof REQUIREMENTS;

/** The requirement that a message of ONNX Runtime says does not hold, as a sentence. */
export function unmet(message: string): string | undefined {
  return Object.entries(REQUIREMENTS).find(([name]) => message.includes(`Name:'${name}:`))?.[1];
}

/**
 * An int64 0 without dimensions, whose computation fails the run unless every one of `bools` is true. ONNX has no
 * assertion: the 0 is gathered from a list of one element, by position 1 if a condition does not hold. Whoever requires
 * something must use the 0, or the nodes fall away.
 */
export function requireAll(emitter: Emitter, requirement: Requirement, bools: string): string {
  const violations = emitter.cast(emitter.node('Not', [flatten(emitter, bools)]), 'bool', 'int64');
  // A sum of nothing is 0: no condition is no violation.
  const count = emitter.node('ReduceSum', [violations], { keepdims: { int: 0 } });
  const position = emitter.node('Min', [count, int(emitter, 1)]);
  return emitter.checking(requirement, 'Gather', [ints(emitter, [0]), position], { axis: { int: 0 } });
}

/** The same for one condition without dimensions. */
export function requireOne(emitter: Emitter, requirement: Requirement, bool: string): string {
  const position = emitter.cast(emitter.node('Not', [bool]), 'bool', 'int64');
  return emitter.checking(requirement, 'Gather', [ints(emitter, [0]), position], { axis: { int: 0 } });
}

/** One element that is computed only if the requirement of `zero` holds. */
export function requiring(emitter: Emitter, element: string, zero: string): string {
  return emitter.node('Gather', [flatten(emitter, element), zero], { axis: { int: 0 } });
}
