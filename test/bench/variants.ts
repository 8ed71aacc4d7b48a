import { type Traced, tanh } from 'onnsight';

/** How many bits tell one structure from another. */
const BITS = 10;

/** 1024 computations that all differ in structure and hardly in the time they take: each bit of `number` chooses a step. */
export function variant(value: Traced, number: number): Traced {
  'use trace';
  let result = value;
  for (let bit = 0; bit < BITS; bit++) {
    if ((number >> bit) & 1) result = tanh(result);
    else result = (result * 1.01) as Traced;
  }
  return result;
}
