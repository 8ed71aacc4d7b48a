import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { loadToy } from '../support/toy.ts';
import { differences, found, type Program } from './programs.ts';
import { fixture } from './pytorch.ts';

/** Random programs, and what PyTorch makes of them: test/tools/gradient_programs.py, which writes others, too. */
const path = process.env.PROGRAMS ?? new URL('../fixtures/gradients/programs.json', import.meta.url);
const programs = JSON.parse(readFileSync(path, 'utf8')) as Program[];

/** What PyTorch says of a tensor that the loss does not depend on; its other errors are of changes in place. */
const INDEPENDENT = /not have been used in the graph|does not require grad/;
/** A gradient that has no other place than a branch which did not run is zeros here, and an error there. */
const IN_BRANCH = /^\s*if \(.*\{\n\s*(if \(.*\{\n\s*)?backward\(/m;
/** How far float32 may be from float32, relative to the norm. */
const TOLERANCE = 2e-3;

it('gradients of random programs are those of PyTorch, or an error', {
  timeout: 60_000 + 10_000 * programs.length,
}, async () => {
  const lm = await loadToy();
  const ids = fixture('toy').ids.clean.slice(0, 6);
  const wrong: string[] = [];
  const refused: string[] = [];
  let equal = 0;
  for (const one of programs) {
    const { seed, program, expected } = one;
    if (typeof expected === 'string' && !INDEPENDENT.test(expected)) continue;
    const got = await found(lm, ids, one);
    const told = (what: string) => `${seed}:\n${program}\n${what}`;
    if (typeof got === 'string') {
      if (got.startsWith('broken')) wrong.push(told(got));
      else if (typeof expected !== 'string') refused.push(told(got));
    } else if (typeof expected === 'string') {
      if (!IN_BRANCH.test(program)) wrong.push(told(`PyTorch: ${expected}`));
    } else {
      const far = differences(got, expected, TOLERANCE);
      if (far) wrong.push(told(far));
      else equal++;
    }
  }
  if (process.env.PROGRAMS) console.log(`${equal} equal, refused:\n${refused.join('\n\n')}`);
  expect(wrong.join('\n\n')).toBe('');
  expect(equal).toBeGreaterThan(programs.length / 2);
});
