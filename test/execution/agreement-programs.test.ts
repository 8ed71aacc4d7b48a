import { NNsight } from 'onnsight';
import { beforeAll, describe, expect, it } from 'vitest';
import { programs } from '../devices/programs.ts';
import { modelPath } from '../support/fixtures.ts';
import { perform, randomSteps } from './random-steps.ts';
import { type Compared, expectAgreement, loadEachWay, runEachWay } from './ways.ts';

const SEEDS = Number(process.env.ONNSIGHT_RANDOM_PROGRAMS ?? 30);
const ids = { input_ids: [[5, 3, 8, 1, 9, 2]] };

type Models = Awaited<ReturnType<typeof loadEachWay<NNsight>>>;
let mlp: Models;
let gpt2: Models;

beforeAll(async () => {
  const load = (name: string) => loadEachWay(() => NNsight.load(modelPath(`zoo/${name}`, 'ts'), { device: 'cpu' }));
  mlp = await load('mlp');
  gpt2 = await load('gpt2');
});

describe('programs give the same whole, cut at layers and cut at every module', () => {
  it.each(Object.entries(programs))('%s', async (name, { run, gives }) => {
    const found = await runEachWay(mlp, async (model) => ({ result: await run(model) }));
    const { result } = expectAgreement(found, name) as Record<string, Compared>;
    const wanted = gives.map((value) => (Number.isFinite(value) ? expect.closeTo(value, 5) : value));
    expect(Array.from(result!.data, Number)).toEqual(wanted);
  });
});

describe('random interventions in branches and loops', () => {
  it('give the same whole, cut at layers and cut at every module', async () => {
    let ran = 0;
    const seen = new Set<number>();
    for (let seed = 0; seed < SEEDS; seed++) {
      const steps = randomSteps(seed);
      const found = await runEachWay(gpt2, async (model) => perform(model, ids, steps));
      const whole = expectAgreement(found, `seed ${seed}: ${JSON.stringify(steps)}`);
      if (typeof whole === 'string') continue;
      ran++;
      seen.add(Number(whole.output!.data[0]));
    }
    // Errors agree, too, but prove little; and programs that change nothing prove nothing.
    expect(ran).toBeGreaterThan(SEEDS * 0.6);
    expect(seen.size).toBeGreaterThan(SEEDS * 0.5);
  }, 120_000);
});
