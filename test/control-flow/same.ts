import { fileURLToPath } from 'node:url';
import { NNsight, save, Tensor } from 'onnsight';
import { expect } from 'vitest';
import { isFilled } from '../../runtime/tracing/lists.ts';
import { TensorProxy } from '../../runtime/tracing/proxy.ts';

const path = fileURLToPath(new URL('../fixtures/zoo/mlp.ts.onnx', import.meta.url));
const model = await NNsight.load(path, { device: 'cpu' });
const x = [
  [0.1, 0.2, 0.3, 0.4, 0.5],
  [0.5, 0.4, 0.3, 0.2, 0.1],
];

/** Makes numbers, and vectors of numbers, that only the run knows: to the type checker they are what they stand for. */
// biome-ignore lint/suspicious/noExplicitAny: a number here and a vector there, which only the program knows.
export type Make = (value: number | readonly number[]) => any;

/** A program over such numbers. The same code runs on plain ones. */
export type Program = (T: Make) => unknown;

function traced(value: number | readonly number[]): unknown {
  'use trace';
  return model.layer1.output[0][0] * 0 + (value as number);
}

/** Whatever a program gives, with all tensors saved. */
function saved(value: unknown): unknown {
  if (value instanceof TensorProxy || isFilled(value)) return save(value as never);
  if (Array.isArray(value)) return value.map(saved);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, saved(field)]));
}

/** Numbers in the place of tensors and of truth values. */
function plain(value: unknown): unknown {
  if (value instanceof Tensor) return plain(value.toArray());
  // Whole numbers of tensors have no -0.
  if (['number', 'boolean', 'bigint'].includes(typeof value)) return Number(value) + 0;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plain(field)]));
}

/** What a compiled program gives on traced numbers. */
export async function onTraced(program: Program, make: Make = traced as Make): Promise<unknown> {
  return plain(await model.trace({ x }, () => saved(program(make))));
}

/** Expects of a compiled program that it does on traced numbers what it does on plain ones, which is JavaScript's. */
export async function expectSame(program: Program): Promise<void> {
  expect(await onTraced(program)).toEqual(onPlain(program));
}

/** What JavaScript gives. */
export function onPlain(program: Program): unknown {
  return plain(program((value) => value));
}

/** What a compiled program gives outside of a block, on tensors that a trace gave. */
export function outsideOfBlocks(program: Program, make: Make): unknown {
  return plain(program(make));
}
