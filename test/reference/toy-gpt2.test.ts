import { cat, save } from 'onnsight';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadToy, reference } from '../support/toy.ts';
import { expectResults } from './expect-results.ts';
import { expected } from './expected.ts';
import { interventions } from './interventions.ts';

let lm: Awaited<ReturnType<typeof loadToy>>;

beforeAll(async () => {
  lm = await loadToy();
});

describe('interventions on the toy GPT-2 agree with PyTorch', () => {
  it.each(Object.entries(interventions))('%s', async (name, intervention) => {
    expectResults(name, await intervention(lm, reference));
  });

  it('every case of the reference is there, and moves the logits where it should', () => {
    expect(Object.keys(interventions).sort()).toEqual(Object.keys(expected).sort());
    expect(Object.keys(expected.modules!).length).toBeGreaterThan(70);
    const grid = expected.patching!.grid!.data!;
    expect(Math.max(...grid) - Math.min(...grid)).toBeGreaterThan(1);
  });

  it('each gives the same to the bit on a model just loaded, and on one that has run the others, in any order', async () => {
    // Patching is many traces of one kind.
    const names = Object.keys(interventions).filter((name) => name !== 'patching');
    const bits = async (name: string, model: typeof lm) => {
      const results = Object.entries(await interventions[name]!(model, reference));
      return results.map(([key, { dims, data }]) => [key, dims, Float64Array.from(data, Number)]);
    };
    const fresh = new Map<string, unknown>();
    for (const name of names) fresh.set(name, await bits(name, await loadToy()));
    let state = 20;
    for (let run = 0; run < 20; run++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const name = names[Math.floor((state / 2 ** 32) * names.length)]!;
      expect(await bits(name, lm), `${name}, as number ${run}`).toEqual(fresh.get(name));
    }
  });

  it('cat joins what stands in different layers', async () => {
    const got = await lm.trace([reference.ids.clean], () =>
      save(cat([lm.transformer.h[0].output, lm.transformer.h[1].output], -1)),
    );
    expect(got.dims).toEqual([1, 15, 256]);
  });
});
