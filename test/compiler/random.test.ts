import { expect, it } from 'vitest';
import { randomProgram } from './random-program.ts';
import { lower, outcome, program } from './run.ts';

const SEEDS = Number(process.env.ONNSIGHT_RANDOM_PROGRAMS ?? 60);

it.each(['function', 'async function'])('runs random jumps of a lowered %s as JavaScript does', async (kind) => {
  for (let seed = 0; seed < SEEDS; seed++) {
    const code = program(randomProgram(seed, kind !== 'function'), kind);
    const lowered = lower(code);
    expect(await outcome(lowered), `seed ${seed}\n${code}\n${lowered}`).toBe(await outcome(code));
  }
});
