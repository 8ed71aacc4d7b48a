import { expect } from 'vitest';
import { judge, type Verdict } from '../compiler/fuzz/verdict.ts';

/*
 * The body of a function in which `T(n)` is a number, `I(n)` a whole number and `V([…])` a vector that only the run
 * knows. What it returns must be numbers.
 */
async function outcome(body: string): Promise<Verdict> {
  return judge(`function run({ T, I, V, save, library, Cell, Double, counter }) {\n${body}\n}`);
}

/** Expects that a program gives on traced values what it gives as plain JavaScript. */
export async function expectFollowed(body: string): Promise<void> {
  const { kind, ends } = await outcome(body);
  expect(kind, JSON.stringify(ends, null, 2)).toBe('equal');
}

/** Expects that a program, which JavaScript runs, is an error at one of its lines. */
export async function expectRefused(body: string, message: RegExp): Promise<void> {
  const { kind, ends } = await outcome(body);
  expect(kind, JSON.stringify(ends, null, 2)).toBe('refused');
  expect(ends.traced).toMatch(message);
}
