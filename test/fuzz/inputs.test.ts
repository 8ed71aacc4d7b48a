import { afterAll, expect, it } from 'vitest';
import { KINDS } from './inputs/case.ts';
import { Pool, type Tried } from './inputs/pool.ts';

const pool = new Pool();
afterAll(() => pool.end());

/** A fixed share of the cases that `npm run fuzz -- inputs <kind>` tries. */
it.each(KINDS)('damaged %s are refused in words, or right', { timeout: 120_000 }, async (kind) => {
  const tried: Tried[] = [];
  for (let seed = 0; seed < 60; seed++) tried.push(await pool.run(kind, seed));
  expect(tried.filter(({ verdict }) => verdict === 'broken')).toEqual([]);
  // Neither are all refused, nor none.
  const count = (verdict: string) => tried.filter((one) => one.verdict === verdict).length;
  expect(Math.min(count('right'), count('refused'))).toBeGreaterThan(0);
});
