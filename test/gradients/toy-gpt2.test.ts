import { beforeAll, describe, it } from 'vitest';
import { loadEachWay } from '../execution/ways.ts';
import { loadToy } from '../support/toy.ts';
import { blocks, sessions, trainings } from './blocks.ts';
import { expectCase } from './expected-case.ts';

let models: Awaited<ReturnType<typeof loadEachWay<Awaited<ReturnType<typeof loadToy>>>>>;

beforeAll(async () => {
  models = await loadEachWay(loadToy);
});

/** More often than a backward pass computes again what the way forward could have kept. */
const OFTEN = 7;

/** Cut at layers all blocks run often, otherwise a third of them. */
const runsOften = (way: string, name: string) =>
  name in blocks && (way === 'layers' || Object.keys(blocks).indexOf(name) % 3 === 0);

describe.each(['off', 'layers', 'modules'] as const)(
  'gradients on the toy GPT-2 agree with PyTorch, those of blocks each time that they run, cut: %s',
  (way) => {
    it.each(Object.entries({ ...blocks, ...sessions, ...trainings }))('%s', async (name, block) => {
      const times = runsOften(way, name) ? OFTEN : 1;
      for (let time = 0; time < times; time++) {
        expectCase(name, await block(models.get(way)!));
      }
    });
  },
);
