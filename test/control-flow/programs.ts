import { expect } from 'vitest';
import { judge, type Verdict } from '../compiler/fuzz/verdict.ts';

/*
 * Programs as text, run as JavaScript, compiled on plain values, and compiled on values of a model: in the body, `T(n)` is
 * a number that only the run knows, `I(n)` a whole one, `V([…])` a vector; `library`, `Cell`, `Double` and `counter` stand
 * in test/compiler/fuzz. It returns an object of numbers.
 */
export function judged(body: string): Promise<Verdict> {
  return judge(`function run({ T, I, V, library, Cell, Double, counter }) { ${body} }`);
}

/** Expects what JavaScript gives. */
export async function expectEqual(body: string): Promise<void> {
  const { kind, ends } = await judged(body);
  expect({ body, kind, ...ends }).toMatchObject({ kind: 'equal' });
}

/** Expects an error of ours at a line of the program. */
export async function expectRefused(body: string, reason: RegExp): Promise<void> {
  const { kind, ends } = await judged(body);
  expect({ body, kind, ...ends }).toMatchObject({ kind: 'refused', traced: expect.stringMatching(reason) });
}
