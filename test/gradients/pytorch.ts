import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Tensor } from 'onnsight';
import { expect } from 'vitest';

/** A gradient as PyTorch's autograd has it, in float64: all elements, or the first ones with the norm and sum(t[i] · cos(i)). */
export interface Expected {
  readonly dims: readonly number[];
  readonly data?: readonly number[];
  readonly first?: readonly number[];
  readonly norm?: number;
  readonly dot?: number;
}

/** A file of test/fixtures/gradients. */
export function fixture(name: string) {
  return JSON.parse(
    readFileSync(fileURLToPath(new URL(`../fixtures/gradients/${name}.json`, import.meta.url)), 'utf8'),
  );
}

/** How far results may be, relative to the largest element or the norm. */
const TOLERANCE = 1e-4;

/** Fails unless a gradient is PyTorch's. */
export function expectGradient(actual: Tensor, expected: Expected, name: string): void {
  expect(actual.dims, name).toEqual(expected.dims);
  const data = Array.from(actual.data as ArrayLike<number>, Number);
  const wanted = expected.data ?? expected.first!;
  // What is 0 but for rounding (a bias of attention's keys) is 0 in PyTorch's float64 only.
  const scale = expected.norm === undefined ? Math.max(1e-6, ...wanted.map(Math.abs)) : Math.max(1e-3, expected.norm);
  const far = Math.max(0, ...wanted.map((value, i) => Math.abs(value - data[i]!)));
  expect(data.some(Number.isNaN), `${name} has a NaN`).toBe(false);
  expect(far, name).toBeLessThanOrEqual(TOLERANCE * scale);
  if (expected.norm === undefined) return;
  const dot = data.reduce((sum, value, i) => sum + value * Math.cos(i), 0);
  expect(Math.abs(Math.hypot(...data) - expected.norm), `${name}: norm`).toBeLessThanOrEqual(TOLERANCE * scale);
  expect(Math.abs(dot - expected.dot!), `${name}: sum(t[i] · cos(i))`).toBeLessThanOrEqual(TOLERANCE * scale);
}

/** Fails unless the numbers are PyTorch's. */
export function expectNumbers(actual: ArrayLike<number | bigint>, expected: readonly number[], name: string): void {
  const scale = Math.max(1e-6, ...expected.map(Math.abs));
  expect(actual.length, name).toBe(expected.length);
  expected.forEach((value, i) => {
    expect(Math.abs(Number(actual[i]) - value), `${name}[${i}]`).toBeLessThanOrEqual(TOLERANCE * scale);
  });
}
