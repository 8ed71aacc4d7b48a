import { normalSource, uniformSource } from '../tensor/random.ts';
import { Tensor } from '../tensor/tensor.ts';
import { activeBuilder } from '../tracing/builder.ts';
import type { RandomOptions, SizesAnd } from '../types/options.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import { created, dtypeOf, fail, operand, typeOf } from './nodes.ts';
import { optionsOf } from './options.ts';
import { splitOptions } from './sizes.ts';
import { withSignature } from './with-signature.ts';

/*
 * Random numbers are drawn while the block is traced and are data of the run: in a loop of the graph every iteration
 * sees the same ones.
 */

const RANDOM = ['dtype', 'seed'] as const;

/** Uniform numbers in [0, 1); float32 unless `dtype` is given. The same `seed` gives the same numbers. */
export const rand = withSignature('rand', (...size: SizesAnd<RandomOptions>): Traced => {
  const [sizes, options] = splitOptions<RandomOptions>('rand', size, RANDOM);
  return drawn(sizes, numbers(uniformSource, options.seed), options);
});

/** Normally distributed numbers, mean 0 and variance 1; float32 unless `dtype` is given. */
export const randn = withSignature('randn', (...size: SizesAnd<RandomOptions>): Traced => {
  const [sizes, options] = splitOptions<RandomOptions>('randn', size, RANDOM);
  return drawn(sizes, numbers(normalSource, options.seed), options);
});

/** `randint`. */
export interface Randint {
  /** Whole numbers from 0 to `high - 1`. */
  (high: number, size: readonly number[], options?: RandomOptions): Traced;
  /** Whole numbers from `low` to `high - 1`. */
  (low: number, high: number, size: readonly number[], options?: RandomOptions): Traced;
}

/** Whole numbers from `low`, or 0, to `high - 1`; int64 unless `dtype` is given. */
export const randint: Randint = withSignature('randint', (...given: RandintBelow | RandintBetween): Traced => {
  const [low, high, size, more] = isBelow(given) ? ([0, ...given] as const) : given;
  if (!Array.isArray(size))
    fail('randint: size is missing. It is called as randint(high, size) or randint(low, high, size)');
  const options = optionsOf<RandomOptions>('randint', more, RANDOM);
  if (!(low < high)) fail(`random_ expects 'from' to be less than 'to', but got from=${low} >= to=${high}`);
  const uniform = numbers(uniformSource, options.seed);
  const draw = () => low + Math.floor(uniform() * (high - low));
  return drawn(size, draw, { ...options, dtype: options.dtype ?? 'int64' });
});

type RandintBelow = [high: number, size: readonly number[], options?: RandomOptions | undefined];
type RandintBetween = [low: number, high: number, size: readonly number[], options?: RandomOptions | undefined];

function isBelow(given: RandintBelow | RandintBetween): given is RandintBelow {
  return Array.isArray(given[1]);
}

/** The whole numbers from 0 to `n - 1` in a random order; int64 unless `dtype` is given. */
export const randperm = withSignature('randperm', (n: number, more?: RandomOptions): Traced => {
  const options = optionsOf<RandomOptions>('randperm', more, RANDOM);
  if (!Number.isInteger(n)) fail(NEED_SIZES);
  if (n < 0) fail(`n must be non-negative, got ${n}`);
  const uniform = numbers(uniformSource, options.seed);
  const order = Array.from({ length: n }, (_, i) => i);
  // Each place from the last on takes one of those that are left.
  for (let last = n - 1; last > 0; last--) {
    const at = Math.floor(uniform() * (last + 1));
    [order[last], order[at]] = [order[at]!, order[last]!];
  }
  return created(Tensor.from(Float64Array.from(order), options.dtype ?? 'int64'));
});

/** Uniform numbers in the shape and dtype of another tensor. */
export const randLike = withSignature('randLike', (input: Operand, more?: RandomOptions): Traced => {
  const options = optionsOf<RandomOptions>('randLike', more, RANDOM);
  const x = operand(input);
  return drawn(shapeFor(x), numbers(uniformSource, options.seed), { ...options, dtype: options.dtype ?? dtypeOf(x) });
});

/** Normally distributed numbers in the shape and dtype of another tensor. */
export const randnLike = withSignature('randnLike', (input: Operand, more?: RandomOptions): Traced => {
  const options = optionsOf<RandomOptions>('randnLike', more, RANDOM);
  const x = operand(input);
  return drawn(shapeFor(x), numbers(normalSource, options.seed), { ...options, dtype: options.dtype ?? dtypeOf(x) });
});

/** A source of numbers that are others the next time: a block that draws some is recorded each time. */
function numbers(source: typeof uniformSource, seed: number | undefined): () => number {
  const target = activeBuilder();
  if (target) target.isRepeatable = false;
  return source(seed);
}

function drawn(sizes: readonly number[], draw: () => number, options: RandomOptions): Traced {
  if (!sizes.every(Number.isInteger)) fail(NEED_SIZES);
  const length = sizes.reduce((product, size) => product * size, 1);
  const values = new Float64Array(length);
  for (let i = 0; i < length; i++) values[i] = draw();
  return created(Tensor.from(values, options.dtype ?? 'float32', sizes));
}

function shapeFor(value: Traced): readonly number[] {
  const { shape } = typeOf(value);
  return shape?.every((size) => size !== null) ? shape.map(Number) : fail(NEED_SIZES);
}

const NEED_SIZES = 'random numbers are drawn before the model runs, so their number must be known: give plain sizes';
