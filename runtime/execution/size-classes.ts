import type { Dim } from '../gradients/facts.ts';

/**
 * Sizes by class: those that are equal in this run have one name, and 1 is 1. A derivative is written for a pattern of
 * equal sizes, as it tells along which dimensions something was broadcast, and serves all runs with this pattern.
 * @param fixed sizes that stay what they are: those that weights have, too
 * @param whole tensors all of whose sizes do
 */
export function sizeClasses(
  shapes: ReadonlyMap<string, readonly number[]>,
  fixed: ReadonlySet<number>,
  whole: ReadonlySet<string>,
): ReadonlyMap<string, readonly Dim[]> {
  const names = new Map<number, string>();
  const classOf = (size: number): Dim => {
    if (size === 1 || fixed.has(size)) return size;
    const name = names.get(size) ?? `size ${names.size}`;
    names.set(size, name);
    return name;
  };
  return new Map([...shapes].map(([tensor, dims]) => [tensor, whole.has(tensor) ? dims : dims.map(classOf)]));
}
