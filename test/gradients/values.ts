import type { Values } from './harness.ts';

/** Numbers in [0, 1) that are the same in every run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const next = generator(1);

function filled(dims: readonly number[], draw: () => number): Values {
  const count = dims.reduce((a, b) => a * b, 1);
  return { dtype: 'float', dims, data: Array.from({ length: count }, draw) };
}

/** Normally distributed numbers. */
export function normal(...dims: number[]): Values {
  return filled(dims, () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()));
}

/** Numbers between 0.3 and 1.3. */
export function positive(...dims: number[]): Values {
  return filled(dims, () => 0.3 + next());
}

/** Numbers between -0.8 and 0.8. */
export function small(...dims: number[]): Values {
  return filled(dims, () => 1.6 * next() - 0.8);
}

/** Different numbers in steps of 1/4 in a random order: no difference meets a tie. */
export function distinct(...dims: number[]): Values {
  const values = filled(dims, next);
  const order = values.data.toSorted((a, b) => a - b);
  return { ...values, data: values.data.map((value) => order.indexOf(value) / 4 - order.length / 8 + 0.1) };
}

export function floats(data: readonly number[], dims: readonly number[] = [data.length]): Values {
  return { dtype: 'float', dims, data };
}

export function scalar(value: number): Values {
  return floats([value], []);
}

export function ints(data: readonly number[], dims: readonly number[] = [data.length]): Values {
  return { dtype: 'int64', dims, data };
}

export function int(value: number): Values {
  return ints([value], []);
}

export function bools(data: readonly boolean[], dims: readonly number[] = [data.length]): Values {
  return { dtype: 'bool', dims, data: data.map(Number) };
}
