import { listOf } from './nodes.ts';
import { isOptions, optionsOf } from './options.ts';

/** Separates the sizes of `zeros(2, 3, { dtype })`, given one by one or as an array, from the options at the end. */
export function splitOptions<Options extends object>(
  fn: string,
  given: readonly (number | readonly number[] | Options)[],
  names: Parameters<typeof optionsOf<Options>>[2],
): [sizes: readonly number[], options: Options] {
  const last = given.at(-1);
  const hasOptions = isOptions(last);
  const sizes = (hasOptions ? given.slice(0, -1) : given) as readonly number[] | readonly [readonly number[]];
  return [listOf(sizes), optionsOf<Options>(fn, hasOptions ? last : undefined, names)];
}
