import { beforeAll, describe, it } from 'vitest';
import { expectResults } from '../reference/expect-results.ts';
import { interventions, type Values } from '../reference/interventions.ts';
import { loadToy, reference } from '../support/toy.ts';
import { expectAgreement, loadEachWay, runEachWay } from './ways.ts';

let models: Awaited<ReturnType<typeof loadEachWay<Awaited<ReturnType<typeof loadToy>>>>>;

beforeAll(async () => {
  models = await loadEachWay(loadToy);
});

describe('interventions on the toy GPT-2 give the same whole, cut at its layers and cut at every module', () => {
  it.each(Object.entries(interventions))('%s', async (name, intervention) => {
    const found = await runEachWay(models, (lm) => intervention(lm, reference));
    expectResults(name, expectAgreement(found, name) as Record<string, Values>);
  });
});
