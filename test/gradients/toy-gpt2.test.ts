import { beforeAll, describe, expect, it } from 'vitest';
import { loadEachWay } from '../execution/ways.ts';
import { loadToy } from '../support/toy.ts';
import { blocks, sessions, trainings } from './blocks.ts';
import { type Expected, expectGradient, expectNumbers, fixture } from './pytorch.ts';

const { cases } = fixture('toy');
let models: Awaited<ReturnType<typeof loadEachWay<Awaited<ReturnType<typeof loadToy>>>>>;

beforeAll(async () => {
  models = await loadEachWay(loadToy);
});

/** More often than a backward pass computes again what the way forward could have kept. */
const OFTEN = 7;

/** Cut at layers all blocks run often, otherwise a third of them. */
const runsOften = (way: string, name: string) =>
  name in blocks && (way === 'layers' || Object.keys(blocks).indexOf(name) % 3 === 0);

/** What the reference has under a name: a gradient, one in a list or a record, or plain numbers. */
function expectedOf(wanted: Record<string, unknown>, name: string): unknown {
  const own = wanted[name] ?? (wanted.grads as Record<string, unknown> | undefined)?.[name];
  if (own !== undefined) return own;
  const [outer, ...inner] = name.split('.');
  return inner.reduce((found, key) => (found as Record<string, unknown> | undefined)?.[key], wanted[outer!]);
}

describe.each(['off', 'layers', 'modules'] as const)(
  'gradients on the toy GPT-2 agree with PyTorch, those of blocks each time that they run, cut: %s',
  (way) => {
    it.each(Object.entries({ ...blocks, ...sessions, ...trainings }))('%s', async (name, block) => {
      const times = runsOften(way, name) ? OFTEN : 1;
      for (let time = 0; time < times; time++) {
        for (const [key, actual] of Object.entries(await block(models.get(way)!))) {
          const expected = expectedOf(cases[name], key);
          expect(expected, `the reference has no ${key}`).toBeDefined();
          if (typeof expected === 'number') expectNumbers(actual.data as ArrayLike<number>, [expected], key);
          else if (Array.isArray(expected)) expectNumbers(actual.data as ArrayLike<number>, expected.flat(), key);
          else expectGradient(actual, expected as Expected, key);
        }
      }
    });
  },
);
