import { isOwnProxy } from '../own-proxies.ts';
import { Tensor } from '../tensor/tensor.ts';
import { apply, toProxy } from './apply.ts';
import type { Builder } from './builder.ts';
import { saving } from './hidden.ts';
import { isFilled } from './lists.ts';
import { isPlainObject } from './plain-object.ts';
import { TensorProxy } from './proxy.ts';
import { isSaved, saveTensor } from './saves.ts';

/** A line to print once the values are there. */
export interface LogLine {
  readonly method: 'log' | 'info' | 'warn' | 'error' | 'debug';
  readonly values: readonly unknown[];
  /** How many lines were reached with it: a number, or a save that comes back as often as the line is reached. */
  readonly place: unknown;
  /** Whether all of it was known when it was reached. */
  readonly isKnown: boolean;
}

/** One line as it is printed. */
interface Printed {
  readonly method: LogLine['method'];
  readonly place: number;
  readonly values: readonly unknown[];
}

/** Prints values when the model has run; in a branch that does not run nothing is printed. */
export function print(target: Builder, method: LogLine['method'], values: readonly unknown[]): void {
  const { lineCount } = target;
  const before = lineCount.get();
  const isKnown = typeof before === 'number' && !target.isRecording;
  const place = isKnown ? before + 1 : apply('add', [toProxy(before, 'int64'), toProxy(1, 'int64')]);
  target.note(lineCount);
  lineCount.set(place);
  let isPlain = true;
  const keep = (value: unknown): unknown => {
    if (!(value instanceof TensorProxy)) return value;
    isPlain = false;
    return saveTensor(value);
  };
  const made = new Map<object, unknown>();
  const kept = values.map((value) => asItIs(value, keep, made));
  target.lines.push({ method, values: kept, place: isKnown ? place : saveTensor(place), isKnown: isKnown && isPlain });
}

/** Prints the lines that waited for those before them, where no run will tell what these are. */
export function printKnownLines(target: Builder): void {
  for (const { method, values, isKnown } of target.lines) if (isKnown) console[method](...values);
}

/** Prints all lines of a block whose saves have their results, in the order in which they were reached. */
export function printLines(target: Builder): void {
  const lines = target.lines.flatMap(reached).sort((one, other) => one.place - other.place);
  for (const { method, values } of lines) console[method](...values);
}

/** A line once for each time that it was reached: in a loop once per iteration. */
function reached({ method, values, place }: LogLine): readonly Printed[] {
  const places = isStacked(place) ? entriesOf(resultOf(place)) : [resultOf(place)];
  return places.flatMap((at, time) => {
    let isThere = at !== undefined;
    const resultAt = (value: unknown): unknown => {
      if (!isSaved(value)) return value;
      const result = isStacked(value) ? entriesOf(resultOf(value))[time] : resultOf(value);
      isThere &&= result !== undefined;
      return result;
    };
    const made = new Map<object, unknown>();
    const shown = values.map((value) => asItIs(value, resultAt, made));
    return isThere ? [{ method, place: Number(at instanceof Tensor ? at.item() : at), values: shown }] : [];
  });
}

/** A value as it is now, whatever becomes of the arrays and plain objects in it; `change` is for all others. */
function asItIs(value: unknown, change: (one: unknown) => unknown, made: Map<object, unknown>): unknown {
  const isList = Array.isArray(value);
  if (isList ? isFilled(value) : isOwnProxy(value) || !isPlainObject(value)) return change(value);
  const holder = value as object;
  const known = made.get(holder);
  if (known) return known;
  const copy = isList ? [] : (Object.create(Object.getPrototypeOf(holder)) as object);
  made.set(holder, copy);
  for (const key of Reflect.ownKeys(holder)) {
    const property = Object.getOwnPropertyDescriptor(holder, key)!;
    if ('value' in property) property.value = asItIs(property.value, change, made);
    Object.defineProperty(copy, key, property);
  }
  return copy;
}

function resultOf(value: unknown): unknown {
  return isSaved(value) ? value[saving].result?.value : value;
}

/** Whether a value has an entry per iteration of a loop. */
function isStacked(value: unknown): boolean {
  if (!isSaved(value)) return false;
  const { state } = value[saving];
  return typeof state === 'object' && state?.kind === 'list' && state.loop;
}

function entriesOf(result: unknown): readonly unknown[] {
  if (result === undefined) return [];
  if (!(result instanceof Tensor)) return result as readonly unknown[];
  return Array.from({ length: result.dims[0]! }, (_, i) => Reflect.get(result, i));
}
