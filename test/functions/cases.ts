import { readFileSync } from 'node:fs';
import * as functions from '../../runtime/functions/index.ts';
import type { DType } from '../../runtime/graph/types.ts';
import { type AnyTensor, Tensor } from '../../runtime/tensor/tensor.ts';
import type { Traced } from '../../runtime/types/tensor.ts';

/** What a function gave: one tensor, several, or values and indices. */
export type Outcome<T> = T | readonly T[] | { readonly values: T; readonly indices: T };

/** A call of a function and what PyTorch gives for it. */
export interface Case {
  readonly name: string;
  readonly call: () => Outcome<Traced>;
  readonly expected: Outcome<AnyTensor> | null;
  /** A part of the message, where PyTorch refuses the call. */
  readonly error: string | null;
}

interface Written {
  readonly fn: string;
  readonly args: readonly unknown[];
  readonly expected?: unknown;
  readonly error?: string;
}

/** The cases of test/tools/functions_fixtures.py, by function. */
export function casesByFunction(): Map<string, Case[]> {
  const text = readFileSync(new URL('../fixtures/functions.json', import.meta.url), 'utf8');
  const cases = new Map<string, Case[]>();
  for (const { fn, args, expected, error } of JSON.parse(text) as Written[]) {
    const list = cases.get(fn) ?? [];
    cases.set(fn, list);
    const call = Reflect.get(functions, fn) as (...args: unknown[]) => Outcome<Traced>;
    list.push({
      name: `${fn}(${args.map(describe).join(', ')})`,
      call: () => call(...args.map(decode)),
      expected: expected === undefined ? null : (decode(expected) as Outcome<AnyTensor>),
      error: error ?? null,
    });
  }
  return cases;
}

/** The tensors of an outcome in a fixed order. */
export function tensorsOf<T extends object>(outcome: Outcome<T>): T[] {
  if (Array.isArray(outcome)) return [...outcome];
  return 'values' in outcome && 'indices' in outcome ? [outcome.values, outcome.indices] : [outcome as T];
}

function isTensor(value: unknown): value is { dtype: DType; dims: number[]; data: unknown[] } {
  return typeof value === 'object' && value !== null && 'dims' in value;
}

function decode(value: unknown): unknown {
  if (value === 'inf') return Number.POSITIVE_INFINITY;
  if (value === '-inf') return Number.NEGATIVE_INFINITY;
  if (value === 'nan') return Number.NaN;
  if (isTensor(value)) return Tensor.from(value.data.map(decode) as number[], value.dtype, value.dims);
  if (Array.isArray(value)) return value.map(decode);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, decode(entry)]));
}

function describe(value: unknown): string {
  if (isTensor(value)) return `${value.dtype}[${value.dims.join(', ')}]`;
  if (Array.isArray(value)) return `[${value.map(describe).join(', ')}]`;
  return JSON.stringify(value);
}
