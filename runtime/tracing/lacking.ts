import type { Value } from '../graph/types.ts';

const whys = new WeakMap<Value, string>();

/** Says why the gradient by a value would lack a part of what PyTorch gives: it is refused then. */
export function lacksGradient(value: Value, why: string): void {
  whys.set(value, why);
}

/** Why the gradient by a value is refused; null where it is not. */
export function lackOf(value: Value): string | null {
  return whys.get(value) ?? null;
}
