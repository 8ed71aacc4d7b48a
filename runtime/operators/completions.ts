import type { Region } from '../graph/types.ts';
import { apply } from '../tracing/apply.ts';
import type { TensorProxy } from '../tracing/proxy.ts';
import { SavedProxy, save } from '../tracing/saves.ts';
import type { Branches, Later } from './merge.ts';
import { isPlainObject } from './merge.ts';

/** How a statement ended, as ECMAScript's completion records tell it; undefined is the normal end. */
export type Completion = undefined | Abrupt | Choice;

export type Abrupt =
  | { readonly kind: 'break' | 'continue'; readonly label: string | null }
  | { readonly kind: 'return'; readonly value: unknown };

/** Which of two ends it is depends on a traced condition (bool, no dimensions). */
export interface Choice {
  readonly kind: 'choice';
  readonly test: TensorProxy;
  readonly then: Completion;
  readonly else: Completion;
}

export const BREAK: Abrupt = { kind: 'break', label: null };
export const CONTINUE: Abrupt = { kind: 'continue', label: null };

export function jump(kind: 'break' | 'continue', label: string): Abrupt {
  return { kind, label };
}

export function return_(value?: unknown): Abrupt {
  return { kind: 'return', value };
}

export function choice(test: TensorProxy, then: Completion, otherwise: Completion): Completion {
  return then === undefined && otherwise === undefined ? undefined : { kind: 'choice', test, then, else: otherwise };
}

/** Replaces the ends that `map` knows; leaves the others. */
export function mapEnds(completion: Completion, map: (end: Abrupt | undefined) => Completion): Completion {
  if (completion?.kind !== 'choice') return map(completion);
  return choice(completion.test, mapEnds(completion.then, map), mapEnds(completion.else, map));
}

/** A `continue` of this loop ends its body normally. */
export function withoutContinue(end: Completion, label: string | null): Completion {
  return mapEnds(end, (one) => (one?.kind === 'continue' && isOwn(one.label, label) ? undefined : one));
}

/** A `break` of this loop ends the loop normally. */
export function withoutBreak(end: Completion, label: string | null): Completion {
  return mapEnds(end, (one) => (one?.kind === 'break' && isOwn(one.label, label) ? undefined : one));
}

function isOwn(target: string | null, label: string | null): boolean {
  return target === null || target === label;
}

export const not = (x: TensorProxy | boolean): TensorProxy | boolean =>
  typeof x === 'boolean' ? !x : apply('logicalNot', [x]);

export function andAll(a: TensorProxy | boolean, b: TensorProxy | boolean): TensorProxy | boolean {
  if (a === true) return b;
  if (b === true) return a;
  if (a === false || b === false) return false;
  return apply('logicalAnd', [a, b]);
}

function orAll(a: TensorProxy | boolean, b: TensorProxy | boolean): TensorProxy | boolean {
  if (a === false) return b;
  if (b === false) return a;
  if (a === true || b === true) return true;
  return apply('logicalOr', [a, b]);
}

/** Whether a completion is one of the ends that `is` accepts: a truth value, or a traced one. */
export function endsWith(completion: Completion, is: (end: Abrupt | undefined) => boolean): TensorProxy | boolean {
  if (completion?.kind !== 'choice') return is(completion);
  const a = endsWith(completion.then, is);
  const b = endsWith(completion.else, is);
  if (a === b) return a;
  return orAll(andAll(completion.test, a), andAll(not(completion.test), b));
}

/** The different abrupt ends of a completion, each with the condition under which it is the one. */
export function abruptEnds(
  completion: Completion,
  test: TensorProxy | boolean = true,
): { test: TensorProxy | boolean; end: Abrupt }[] {
  if (completion === undefined) return [];
  if (completion.kind !== 'choice') return [{ test, end: completion }];
  return [
    ...abruptEnds(completion.then, andAll(test, completion.test)),
    ...abruptEnds(completion.else, andAll(test, not(completion.test))),
  ];
}

/** A completion of one branch, for use after the conditional node. */
export function exportEnd(branches: Branches, region: Region, completion: Completion): Later<Completion> {
  if (completion?.kind === 'return') {
    const value = branches.optional(region, completion.value);
    return (node) => return_(value(node));
  }
  if (completion?.kind !== 'choice') return () => completion;
  const test = branches.flag(region, completion.test);
  const then = exportEnd(branches, region, completion.then);
  const otherwise = exportEnd(branches, region, completion.else);
  return (node) => choice(test(node), then(node), otherwise(node));
}

/** The end of a conditional: one of both branches' ends. */
export function mergeEnds(branches: Branches, test: TensorProxy, a: Completion, b: Completion): Later<Completion> {
  if (a === undefined && b === undefined) return () => undefined;
  if (a?.kind === 'return' && b?.kind === 'return' && !containsSave(a.value) && !containsSave(b.value)) {
    const value = branches.merge('the returned value', a.value, b.value);
    return (node) => return_(value(node));
  }
  if (a && b && a.kind === b.kind && a.kind !== 'return' && a.kind !== 'choice' && a.label === (b as typeof a).label)
    return () => a;
  const then = exportEnd(branches, branches.thenRegion, a);
  const otherwise = exportEnd(branches, branches.elseRegion, b);
  return (node) => choice(test, then(node), otherwise(node));
}

function containsSave(value: unknown): boolean {
  if (value instanceof SavedProxy) return true;
  if (Array.isArray(value)) return value.some(containsSave);
  return isPlainObject(value) && Object.values(value).some(containsSave);
}

/** What a block returned where a traced condition decides between several `return`s. */
export class ReturnChoice {
  readonly test: SavedProxy;
  readonly then: unknown;
  readonly else: unknown;

  constructor(test: SavedProxy, then: unknown, otherwise: unknown) {
    this.test = test;
    this.then = then;
    this.else = otherwise;
  }
}

/** The value of a function whose body ended so. */
export function complete(completion: Completion): unknown {
  if (completion === undefined) return undefined;
  if (completion.kind === 'return') return completion.value;
  if (completion.kind !== 'choice') throw new Error(`A ${completion.kind} left its function.`);
  const then = complete(completion.then);
  const otherwise = complete(completion.else);
  if (then === undefined && otherwise === undefined) return undefined;
  return new ReturnChoice(save(completion.test) as SavedProxy, then, otherwise);
}
