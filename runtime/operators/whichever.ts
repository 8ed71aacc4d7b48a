import type { Site } from '../graph/types.ts';
import { each, uses, type Varying } from '../tracing/varying.ts';

/** Operates on whichever of its values a varying one is; only some operators are for undefined and null, too. */
export function whichever(
  varying: Varying,
  takesNone: boolean,
  site: Site,
  operate: (value: unknown) => unknown,
): unknown {
  varying.builder.site = site;
  return takesNone ? uses.distribute(varying, operate) : each(varying, operate);
}
