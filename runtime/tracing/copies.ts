import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { activeBuilder, builder } from './builder.ts';

/**
 * Notes that an object stands for one that others have, too, or for one of many: a change of it would be seen by none of
 * them.
 */
export function keepAsItIs(object: object): void {
  builder().objects.copies.add(object);
}

export function isCopy(object: object): boolean {
  return activeBuilder()?.objects.copies.has(object) ?? false;
}

/**
 * Refuses to change such an object.
 * @throws TraceError
 */
export function checkCopy(object: unknown, site: Site | null): void {
  if (typeof object !== 'object' || object === null || !isCopy(object)) return;
  throw new TraceError(
    'An object is changed that was made in a loop or branch of the graph and is an entry of an array, or has several names: only one of them would see the change. Change it before it is pushed or gets another name, or make a new one: { ...object, p: 1 }.',
    site,
  );
}

/**
 * Refuses to compare such an object with another one: in JavaScript both may be the same.
 * @throws TraceError
 */
export function checkCompared(one: unknown, other: unknown, site: Site | null): void {
  const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
  if (one === other || !isObject(one) || !isObject(other) || !(isCopy(one) || isCopy(other))) return;
  throw new TraceError(
    'An object is compared that was made in a loop or branch of the graph and is an entry of an array, or has several names: whether both are the same object is not known. Compare fields of them.',
    site,
  );
}
