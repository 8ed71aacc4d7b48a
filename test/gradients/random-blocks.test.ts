import { expect, it } from 'vitest';
import { type Compared, compare, load, small } from './fuzz/compare.ts';
import { programOf, written } from './fuzz/program.ts';

/** `npm run fuzz -- gradients` asks for more. */
const { FUZZ_PROGRAMS = '30', FUZZ_SEED = '0' } = process.env;
const [count, first] = [Number(FUZZ_PROGRAMS), Number(FUZZ_SEED)];
/** How many are made small and shown. */
const SHOWN = 5;

const isWrong = ({ kind }: Compared) => kind === 'different' || kind === 'broken';

it('gradients of random blocks are the differences of their results', {
  timeout: 60_000 + 10_000 * count,
}, async () => {
  const model = await load();
  const wrong: number[] = [];
  let equal = 0;
  for (let seed = first; seed < first + count; seed++) {
    const compared = await compare(model, programOf(seed), seed);
    if (isWrong(compared)) wrong.push(seed);
    if (compared.kind === 'equal') equal++;
  }
  const shown: string[] = [];
  for (const seed of wrong.slice(0, SHOWN)) {
    const program = await small(programOf(seed), async (other) => isWrong(await compare(model, other, seed)));
    const { message } = await compare(model, program, seed);
    shown.push(`${seed}: ${written(program)}\n${message}`);
  }
  expect(shown.join('\n\n')).toBe('');
  expect(wrong).toEqual([]);
  expect(equal).toBeGreaterThan(count / 2);
});
