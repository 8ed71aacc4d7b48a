import type { Value } from '../graph/types.ts';
import { apply, wrap } from '../tracing/apply.ts';
import type { Builder } from '../tracing/builder.ts';
import { giveOut, INNER } from '../tracing/forms/parts.ts';
import { inner } from '../tracing/hidden.ts';
import type { TensorProxy } from '../tracing/proxy.ts';
import { type Case, settled, vary, varyingOf } from '../tracing/varying.ts';

/** The end of a statement by `break` or `continue`, like ECMAScript's completion records. */
export class Jump {
  readonly kind: 'break' | 'continue';
  readonly label: string | null;

  constructor(kind: 'break' | 'continue', label: string | null) {
    this.kind = kind;
    this.label = label;
  }
}

/** The end of a statement by `return`. */
export class Return {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}
INNER.add(Return.prototype);

/** The end of a statement by `throw`, where a `catch` of the same function takes it. */
export class Throw {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}
INNER.add(Throw.prototype);

/** What was returned: from here on it is the user's. */
export function valueOfReturn({ value }: Return): unknown {
  giveOut(value);
  return value;
}

/**
 * How a statement ended; undefined is the normal end. If that depends on traced conditions, it is a varying value whose
 * cases are these: at most one `Return`, and one of each jump.
 */
export type Completion = unknown;

export const BREAK = new Jump('break', null);
export const CONTINUE = new Jump('continue', null);
/** The jumps to labels: the same jump is the same object. */
const jumps = new Map<string, Jump>();

export function jump(kind: 'break' | 'continue', label: string): Jump {
  const key = `${kind} ${label}`;
  const known = jumps.get(key) ?? new Jump(kind, label);
  jumps.set(key, known);
  return known;
}

export function return_(value?: unknown): Return {
  return new Return(value);
}

export function throw_(value: unknown): Throw {
  return new Throw(value);
}

/** Replaces the ends that `map` knows; leaves the others. */
export function mapEnds(completion: Completion, map: (end: unknown) => unknown): Completion {
  const varying = varyingOf(settled(completion));
  if (!varying) return map(settled(completion));
  const { builder, name, cases } = varying;
  return regroup(
    builder,
    name,
    cases.map(({ test, value }) => ({ test, value: map(value) })),
  );
}

/** A varying value; cases with the same value are joined. */
export function regroup(target: Builder, name: string, cases: readonly Case[]): unknown {
  const groups = new Map<unknown, Value[]>();
  for (const { test, value } of cases) groups.set(value, [...(groups.get(value) ?? []), test]);
  if (groups.size === 1) return cases[0]!.value;
  const merged = [...groups].map(([value, tests]) => ({ test: anyOf(target, tests)[inner].value(), value }));
  return vary(target, name, merged);
}

function anyOf(target: Builder, tests: readonly Value[]): TensorProxy {
  return tests.map((test) => wrap(target, test)).reduce((a, b) => apply('logicalOr', [a, b]));
}

/** A `continue` of this loop ends its body normally. */
export function withoutContinue(end: Completion, label: string | null): Completion {
  return mapEnds(end, (one) => (isOwn(one, 'continue', label) ? undefined : one));
}

/** A `break` of this loop ends the loop normally. */
export function withoutBreak(end: Completion, label: string | null): Completion {
  return mapEnds(end, (one) => (isOwn(one, 'break', label) ? undefined : one));
}

function isOwn(end: unknown, kind: Jump['kind'], label: string | null): boolean {
  return end instanceof Jump && end.kind === kind && (end.label === null || end.label === label);
}

/** Of a labelled statement other than a loop: a `break` to the label ends it normally. */
export function labelled(end: Completion, label: string): Completion {
  return mapEnds(end, (one) => (one instanceof Jump && one.kind === 'break' && one.label === label ? undefined : one));
}

/** Whether a statement ended normally: a truth value, or a traced one. */
export function isNormal(completion: Completion): TensorProxy | boolean {
  return endedBy(completion, (end) => end === undefined);
}

/** Whether a statement ended in a `throw`. */
export function isThrow(completion: Completion): TensorProxy | boolean {
  return endedBy(completion, (end) => end instanceof Throw);
}

function endedBy(completion: Completion, is: (end: unknown) => boolean): TensorProxy | boolean {
  const varying = varyingOf(settled(completion));
  if (!varying) return is(settled(completion));
  const tests = varying.cases.filter(({ value }) => is(value)).map(({ test }) => test);
  return tests.length === 0 ? false : anyOf(varying.builder, tests);
}

/** Whether a statement surely did not end normally, in one way or in one of several: nothing after it runs. */
export function isAbrupt(completion: Completion): boolean {
  const end = settled(completion);
  const varying = varyingOf(end);
  return varying ? varying.cases.every(({ value }) => value !== undefined) : end !== undefined;
}

/** The value of a function whose body ended so. */
export function complete(completion: Completion): unknown {
  const end = settled(completion);
  const varying = varyingOf(end);
  if (!varying) return returned(end);
  const { builder } = varying;
  const cases = varying.cases.flatMap(({ test, value }): Case[] => {
    const one = settled(returned(value));
    const nested = varyingOf(one);
    if (!nested) return [{ test, value: one }];
    return nested.cases.map((each) => ({
      test: apply('logicalAnd', [wrap(builder, test), wrap(builder, each.test)])[inner].value(),
      value: each.value,
    }));
  });
  return regroup(builder, 'what the function returns', cases);
}

function returned(end: unknown): unknown {
  if (end === undefined) return undefined;
  if (end instanceof Return) return valueOfReturn(end);
  throw new Error(`A ${(end as Jump).kind} left its function.`);
}
