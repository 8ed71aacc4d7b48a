import type { Site } from '../graph/types.ts';
import { settled } from '../tracing/varying.ts';
import { binary } from './binary.ts';
import { lengthOf } from './filled-entries.ts';
import { isFilledHere } from './filled-here.ts';

/** `key in object`. An array that a branch or loop of the graph filled has the indices below its length. */
export function within(key: unknown, of: unknown, site: Site): unknown {
  const object = settled(of);
  const isIndex = ['number', 'string'].includes(typeof key) && /^(0|[1-9]\d*)$/.test(String(key));
  return isIndex && isFilledHere(object)
    ? binary('<', Number(key), lengthOf(object), site)
    : binary('in', key, object, site);
}
