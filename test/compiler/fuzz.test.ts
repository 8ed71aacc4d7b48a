import { availableParallelism } from 'node:os';
import { expect, it } from 'vitest';
import { NAMES } from './fuzz/constructs/index.ts';
import { runAll } from './fuzz/crew.ts';
import { randomProgram } from './fuzz/program.ts';
import { Tally } from './fuzz/tally.ts';

/** `npm run fuzz -- language` tries others, as many as there is time for. */
const PROGRAMS = Number(process.env.ONNSIGHT_RANDOM_PROGRAMS ?? 150);
const SEED = 15;
/** Milliseconds that the programs may take on a machine that does much else. */
const PATIENCE = 20 * 60_000;

it(
  'gives what JavaScript gives, or an error at a line of the program',
  async () => {
    const tally = new Tally();
    const programs = Array.from({ length: PROGRAMS }, (_, i) => ({ seed: SEED + i }));
    await runAll(programs, Math.min(availableParallelism(), 4), (told) => tally.add(told));
    expect(tally.programs).toBe(PROGRAMS);
    expect(tally.wrong(), String(tally)).toEqual([]);
    // One of a hundred; of few programs, some more by chance.
    expect(tally.needless, String(tally)).toBeLessThanOrEqual(Math.max(5, PROGRAMS / 100));
  },
  PATIENCE,
);

it('draws every construct in four programs at least', () => {
  const drawn = new Map(NAMES.map((name) => [name, 0]));
  for (let i = 0; i < PROGRAMS; i++) {
    for (const name of randomProgram(SEED + i).drawn) drawn.set(name, drawn.get(name)! + 1);
  }
  expect([...drawn].filter(([, count]) => count < 4)).toEqual([]);
});

it('knows every construct by one name', () => {
  expect(new Set(NAMES).size).toBe(NAMES.length);
});
