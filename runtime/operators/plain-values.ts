import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { noteThrow } from '../tracing/thrown-in-body.ts';
import { settled, varies, varyingOf } from '../tracing/varying.ts';
import { fresh } from './blocks.ts';
import { isFilledHere } from './filled-here.ts';
import { checkConverted } from './implicit-calls.ts';
import { textError } from './text-error.ts';
import { holderOf } from './user-objects.ts';

/** What to write instead of a construct that needs its value while the block is built. The first that matches counts. */
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/^(switch|case)$/, 'Write it with if/else, which becomes part of the graph.'],
  [/^for…in/, 'Take the rows with for…of, or the positions with for (let i = 0; i < tensor.length; i++).'],
  [/a function in its head/, 'Move the function out of the head of the loop.'],
  [/with a jump inside/, 'Take the return, break or continue out of the try or switch.'],
  [/^(await|yield)$/, 'Return it from the block with save(), and use the tensor that the trace gives.'],
];

/** A value that a construct needs now, while the block is built. */
export function plain<T>(given: T, construct: string, site: Site): T {
  const value = settled(given) as T;
  if (construct.startsWith('for…in')) {
    checkKeysKnown(value, site);
    if (activeBuilder()?.isRecording) holderOf(value, site);
  }
  if (!(value instanceof TensorProxy) && !varyingOf(value)) return value;
  const remedy = REMEDIES.find(([pattern]) => pattern.test(construct))?.[1];
  throw new TraceError(
    `${construct} depends on a traced tensor, which has no value before the model runs. ${remedy ?? 'Use if/else, a loop or where(), without await or yield in it.'}`,
    site,
  );
}

/** What a `for…in` goes through. A key that is deleted before its turn does not come. */
export function keysIn(value: unknown, site: Site): Iterable<string> {
  return fresh(enumerated(plain(value, 'for…in', site)));
}

function* enumerated(object: unknown): Generator<string> {
  for (const key in object as object) yield key;
}

/** Refuses to go through the keys of an array that a branch or loop of the graph filled. */
export function checkKeysKnown(value: unknown, site: Site): void {
  if (!isFilledHere(value)) return;
  throw new TraceError(
    'The keys of an array that a branch or loop of the graph filled are asked for: how many there are is known only when the model runs. Go through its entries with for…of.',
    site,
  );
}

/** A substitution of a template string. */
export function string(given: unknown, site: Site): unknown {
  return textual(given, 'stands in a template string', site);
}

/** The name of a property, in an object that is written out. */
export function key(given: unknown, site: Site): PropertyKey {
  return textual(given, 'is the name of a property', site) as PropertyKey;
}

function textual(given: unknown, where: string, site: Site): unknown {
  const value = settled(given);
  const varying = varyingOf(value);
  if (varying) {
    varying.builder.site = site;
    throw varies(varying);
  }
  if (value instanceof TensorProxy) throw textError(where, site);
  if (activeBuilder()?.isRecording) checkConverted(value, site);
  return value;
}

/** The arguments of a function of JavaScript that needs their values at once. */
export function native(name: string, given: readonly unknown[], site: Site): readonly unknown[] {
  const values = given.map(settled);
  if (!values.some((value) => value instanceof TensorProxy || varyingOf(value))) return values;
  if (name === 'String') throw textError('is given to String()', site);
  throw new TraceError(
    `${name}() is given a traced tensor, which has no value before the model runs. Use operators and the functions of Math and of onnsight, which become part of the graph, or save() the tensor and call ${name}() on the result.`,
    site,
  );
}

/** The operand of a `throw`: in a branch or loop of the graph it has to be caught there. */
export function thrown<T>(error: T, site: Site): T {
  if (activeBuilder()?.isRecording) noteThrow(error, site);
  return error;
}
