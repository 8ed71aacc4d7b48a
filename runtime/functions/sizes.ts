import { isTraced, listOf } from './nodes.ts';

/** Separates the sizes of `zeros(2, 3, { dtype })`, given one by one or as an array, from the options at the end. */
export function splitOptions<Options extends object>(
  given: readonly (number | readonly number[] | Options)[],
): [sizes: readonly number[], options: Partial<Options>] {
  const last = given.at(-1);
  const hasOptions = typeof last === 'object' && !Array.isArray(last) && !isTraced(last);
  const sizes = (hasOptions ? given.slice(0, -1) : given) as readonly number[] | readonly [readonly number[]];
  return [listOf(sizes), hasOptions ? (last as Options) : {}];
}
