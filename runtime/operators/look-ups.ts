import { TraceError } from '../errors.ts';
import * as functions from '../functions/index.ts';
import type { Site } from '../graph/types.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { inner } from '../tracing/hidden.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { checkAsked } from '../tracing/unused.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import { mixed } from './kinds.ts';
import { asScalar } from './of-results.ts';

/*
 * JavaScript looks numbers up by their value. A traced number is an object while the block is built and would be found
 * by its identity; so its value is compared when the model runs.
 */

/** The answer of a look-up, from the comparisons with the elements. */
type Search = (found: Matches) => Traced;

interface Matches {
  /** The positions of the elements that can be equal. */
  readonly positions: readonly number[];
  /** Whether each of them is equal; bool, [positions]. */
  readonly hits: Traced;
}

const isFound: Search = ({ hits }) => functions.any(hits);

const firstPosition: Search = ({ hits, positions }) => {
  const first = functions.argmax(functions.long(hits));
  return functions.where(functions.any(hits), functions.take(functions.tensor(positions), first), -1);
};

const lastPosition: Search = ({ hits, positions }) =>
  firstPosition({ hits: functions.flip(hits, 0), positions: positions.toReversed() });

/** `list.includes(wanted)`: NaN is found, too. */
export function includes(list: ArrayLike<unknown>, values: readonly unknown[], site: Site): Traced | boolean {
  return search('includes', list, values, site, isFound) ?? false;
}

export function indexOf(list: ArrayLike<unknown>, values: readonly unknown[], site: Site): Traced | number {
  return search('indexOf', list, values, site, firstPosition) ?? -1;
}

export function lastIndexOf(list: ArrayLike<unknown>, values: readonly unknown[], site: Site): Traced | number {
  return search('lastIndexOf', list, values, site, lastPosition) ?? -1;
}

/** Whether a search has to compare while the model runs. */
export function isTracedSearch(list: unknown, [sought]: readonly unknown[]): boolean {
  if (!activeBuilder()) return false;
  const wanted = asScalar(sought);
  // Only the run tells whether a gradient under allowUnused is undefined.
  if (wanted === undefined && Array.isArray(list)) list.forEach(checkAsked);
  if (wanted instanceof TensorProxy) {
    checkAsked(wanted);
    return true;
  }
  const isNumber = typeof wanted === 'number' || typeof wanted === 'boolean';
  return isNumber && Array.isArray(list) && list.some((element) => asScalar(element) instanceof TensorProxy);
}

/** The result of a search, or null if nothing can be equal: a number is not equal to a truth value or a text. */
function search(
  name: string,
  list: ArrayLike<unknown>,
  [wanted, ...from]: readonly unknown[],
  site: Site,
  answer: Search,
): Traced | null {
  if (from.some((one) => one instanceof TensorProxy)) {
    throw new TraceError(
      `${name}() begins at a traced position. Compare the positions, too: loop over the list.`,
      site,
    );
  }
  const kind = kindOf(wanted, site);
  const inReach = reach(name, list.length, from);
  const positions = [...Array(list.length).keys()].filter((i) => inReach(i) && kindOf(list[i], site) === kind);
  if (positions.length === 0) return null;
  const elements = positions.map((i) => list[i]) as readonly Operand[];
  const equal = functions.eq(elements, wanted as Operand);
  if (name !== 'includes' || kind === 'boolean') return answer({ positions, hits: equal });
  const areNaN = functions.logicalAnd(functions.isnan(elements), functions.isnan(wanted as Operand));
  return answer({ positions, hits: functions.logicalOr(equal, areNaN) });
}

/** Whether a search that begins at a given position looks at another one. */
function reach(name: string, length: number, from: readonly unknown[]): (position: number) => boolean {
  if (from.length === 0) return () => true;
  const start = Math.trunc(Number(from[0])) || 0;
  const first = start < 0 ? length + start : start;
  return name === 'lastIndexOf' ? (position) => position <= first : (position) => position >= first;
}

/** JavaScript's `typeof` of a number or truth value; null for anything else. */
function kindOf(of: unknown, site: Site): 'number' | 'boolean' | null {
  const value = asScalar(of);
  if (typeof value === 'number' || typeof value === 'boolean') return typeof value as 'number' | 'boolean';
  if (!(value instanceof TensorProxy)) return null;
  if (value[inner].isMixed) throw mixed('A look-up', site);
  const { dtype, shape } = value[inner].type;
  if (shape?.length === 0) return dtype === 'bool' ? 'boolean' : 'number';
  const dims = shape ? `with dims [${shape.map((dim) => dim ?? '?').join(', ')}]` : 'of unknown dimensions';
  throw new TraceError(
    `A tensor ${dims} is looked up, or stands in the list: look-ups compare numbers. Compare tensors with any(a == b).`,
    site,
  );
}
