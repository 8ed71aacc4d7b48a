import { types } from 'node:util';
import { isOwnProxy } from '../own-proxies.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { isOurs } from '../tracing/harmless.ts';
import { isIntrinsic } from './intrinsics.ts';

/** What an object of the language was asked for, and what it gave: a program may set that. */
export interface Asked {
  readonly of: object;
  readonly key: PropertyKey;
  readonly value: unknown;
}

/** Functions of the language that give something else each time. */
const OF_CHANCE: ReadonlySet<unknown> = new Set([Math.random, Date, Date.now]);

const iterators = [[], ''].map((one) => Object.getPrototypeOf(one[Symbol.iterator]()) as object);

/** What JavaScript itself calls for a block of plain statements: where it goes through a value, and makes a text of one. */
const IMPLICIT: readonly (readonly [of: object, key: PropertyKey])[] = [
  ...[Array.prototype, String.prototype].map((of) => [of, Symbol.iterator] as const),
  ...iterators.map((of) => [of, 'next'] as const),
  ...[Array.prototype, Object.prototype].flatMap((of) => [[of, 'toString'] as const, [of, 'valueOf'] as const]),
  [Array.prototype, 'join'],
];

/** What JavaScript may ask in any block. */
export function askedByItself(): readonly Asked[] {
  return IMPLICIT.map(([of, key]) => ({ of, key, value: Reflect.get(of, key) }));
}

/** Whether objects of the language still give what they gave. */
export function giveTheSame(asked: readonly Asked[]): boolean {
  return asked.every(({ of, key, value }) => {
    const found = dataMember(of, key);
    return found !== null && Object.is(found.value, value);
  });
}

export function isOfChance(value: unknown): boolean {
  return OF_CHANCE.has(value);
}

/**
 * Notes that an object is asked for something that may be other the next time: it is neither a module or a tensor, nor of
 * the language, nor made by the block, nor one of which the guards of the block tell all.
 */
export function noteAsked(object: unknown): void {
  const target = activeBuilder();
  if (!target?.isRepeatable || Object(object) !== object) return;
  const asked = object as object;
  const isKnown = isOwnProxy(asked) || Array.isArray(asked) || isOurs(asked) || isIntrinsic(asked);
  if (!isKnown && !target.isMade(asked) && !target.guarded.has(asked)) target.isRepeatable = false;
}

/** Notes that an object is asked for a member: where an object of the language gives it, what that is. */
export function noteMember(object: unknown, key: unknown): void {
  const target = activeBuilder();
  if (!target?.isRepeatable || object === undefined || object === null) return;
  noteAsked(object);
  if (!target.isRepeatable || isOwnProxy(object) || isOurs(Object(object) as object)) return;
  const name = typeof key === 'number' ? String(key) : key;
  const of = typeof name === 'string' || typeof name === 'symbol' ? giverOf(object, name) : 'unknown';
  if (of === null) return;
  if (of !== 'unknown' && target.asked.some((one) => one.of === of && one.key === name)) return;
  const found = of === 'unknown' ? null : dataMember(of, name as PropertyKey);
  if (of !== 'unknown' && found && isKept(found.value)) target.asked.push({ of, key: name as PropertyKey, ...found });
  else target.isRepeatable = false;
}

/** Notes that an object is taken apart, by names or as a whole. */
export function noteTakenApart(object: unknown): void {
  noteAsked(object);
  const target = activeBuilder();
  if (target && Object(object) === object && isIntrinsic(object as object)) target.isRepeatable = false;
}

/** Whether a value is the same as long as it is the same one. */
function isKept(value: unknown): boolean {
  return (Object(value) !== value || isOurs(value as object) || isIntrinsic(value as object)) && !isOfChance(value);
}

/** The object of the language that answers for another one; null where that has the member itself. */
function giverOf(object: unknown, key: PropertyKey): object | null | 'unknown' {
  const asked = Object(object) as object;
  if (isIntrinsic(asked)) return asked;
  // Nobody but the block asks it: its traps are the user's code.
  if (types.isProxy(asked)) return 'unknown';
  if (Object.hasOwn(asked, key)) return null;
  const prototype = Object.getPrototypeOf(asked) as object | null;
  return prototype === null || isOfLanguage(prototype) ? prototype : 'unknown';
}

/** Whether an object is the prototype of a class of the language. */
function isOfLanguage(prototype: object): boolean {
  if (types.isProxy(prototype)) return false;
  const maker: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  return typeof maker === 'function' && isIntrinsic(maker) && maker.prototype === prototype;
}

/** What an object of the language has under a name, itself or by its prototypes; null where that runs code. */
function dataMember(of: object, key: PropertyKey): { readonly value: unknown } | null {
  for (let at: object | null = of; at; at = Object.getPrototypeOf(at) as object | null) {
    if (types.isProxy(at)) return null;
    const found = Object.getOwnPropertyDescriptor(at, key);
    if (found) return found.get || found.set ? null : { value: found.value };
  }
  return { value: undefined };
}
