import { intervention, type LanguageModel, norm, save } from 'onnsight';
import { loadBundle } from 'onnsight/bundle';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadToy, maxDifference } from '../support/toy.ts';
import { compileTo, runLive, tensorsIn } from './support/build.ts';

let lm: Awaited<ReturnType<typeof loadToy>>;

beforeAll(async () => {
  lm = await loadToy();
});

const branches = intervention({ side: 'int64' }, (model: LanguageModel, { side }) => {
  const results: Record<string, unknown> = {};
  if (side > 0) {
    model.transformer.h[1].output *= 2;
    results.positive = save(norm(model.transformer.h[1].output));
  } else if (side < 0) {
    model.transformer.h[1].output *= 0.5;
  }
  return { ...results, logits: save(model.lm_head.output['0, -1']) };
});

const rows = intervention({ limit: 'float32' }, (model: LanguageModel, { limit }) => {
  const kept = [];
  let total = 0;
  for (const row of model.transformer.h[1].output[0]) {
    save(row);
    if (norm(row) < limit) kept.push(row.save());
    total += norm(row);
  }
  return { kept, total: save(total) };
});

const early = intervention({ stop: 'bool' }, (model: LanguageModel, { stop }) => {
  if (stop) return { early: save(model.transformer.h[0].output) };
  return { late: save(model.transformer.h[3].output * 2) };
});

const nested = intervention({ times: 'int64', factor: 'float16' }, (model: LanguageModel, { times, factor }) => {
  let x = model.transformer.h[0].output;
  let done = 0;
  while (done < times) {
    for (const row of x[0]) if (norm(row) > 5) x = x * factor.float();
    done++;
  }
  model.transformer.h[0].output = x;
  return { done: save(done), logits: save(model.lm_head.output['0, -1']) };
});

const cases: readonly [string, unknown, readonly object[]][] = [
  ['saves in a branch', branches, [{ side: 1 }, { side: 0 }, { side: -1 }]],
  ['saves in a loop', rows, [{ limit: 100 }, { limit: 25 }, { limit: 0 }]],
  ['an early return', early, [{ stop: true }, { stop: false }]],
  [
    'loops in loops',
    nested,
    [
      { times: 0, factor: 0.5 },
      { times: 2, factor: 0.5 },
    ],
  ],
];

describe('conditionals and loops in a bundle do as they do live, for any batch and length', () => {
  it.each(cases)('%s', async (_, intervention, parameters) => {
    const bundle = await loadBundle(await compileTo(intervention));
    const seen = new Set<string>();
    for (const input_ids of [
      [[0, 134, 41]],
      [[0, 134, 41, 138, 165, 164, 184]],
      [
        [0, 1],
        [2, 3],
        [4, 5],
      ],
    ]) {
      for (const given of parameters) {
        const inputs = { input_ids, ...given };
        const live = await runLive(intervention, lm, inputs);
        const bundled = await bundle(inputs);
        const shape = (value: unknown): string =>
          JSON.stringify(value, (key, one) => (key === 'data' ? undefined : one));
        expect(shape(bundled), JSON.stringify(inputs)).toBe(shape(live));
        const [a, b] = [tensorsIn(bundled), tensorsIn(live)];
        for (const [name, { data }] of Object.entries(a)) {
          if (data.length === 0) continue;
          expect(maxDifference([...data].map(Number), [...b[name]!.data].map(Number)), name).toBeLessThan(1e-3);
        }
        seen.add(JSON.stringify(bundled));
      }
    }
    // Each parameter makes a difference, or agreeing would prove nothing.
    expect(seen.size).toBeGreaterThanOrEqual(3 * parameters.length - 3);
    await bundle.release();
  });
});

const unread = intervention({ side: 'int64' }, (model: LanguageModel, { side }) => {
  let found: { v: number } | null = null;
  if (side > 0) found = { v: side };
  found!.v;
  return { logits: save(model.lm_head.output['0, -1']) };
});

it('what is read and not there fails the run of a bundle, though nothing that comes out needs it', async () => {
  const bundle = await loadBundle(await compileTo(unread));
  const input_ids = [[0, 134, 41]];
  await expect(bundle({ input_ids, side: 0 })).rejects.toThrow();
  expect(await bundle({ input_ids, side: 1 })).toHaveProperty('logits');
  await bundle.release();
});
