import { backward, save, sum } from 'onnsight';
import { describe, expect, it, vi } from 'vitest';
import { Residuals } from '../../runtime/execution/residuals.ts';
import type { RunStats } from '../../runtime/execution/stats.ts';
import { ort } from '../../runtime/ort/ort.ts';
import type { Dispatch, Plan } from '../../runtime/partition/plan.ts';
import { loadEachWay } from '../execution/ways.ts';
import { loadToy } from '../support/toy.ts';

/** More often than a backward pass computes again what the way forward could have kept. */
const OFTEN = 7;

describe('statistics of a block with gradients that runs often', () => {
  const run = async (model: Awaited<ReturnType<typeof loadToy>>, positions = '0, -1:') => {
    const seen: RunStats[] = [];
    await model.trace(
      'The Eiffel Tower is in the city of',
      () => {
        const logits = model.lm_head.output[positions];
        backward(sum(logits[':, 5'] - logits[':, 6']));
        return save(model.transformer.h[2].output.grad);
      },
      { onStats: (stats) => seen.push(stats) },
    );
    return seen;
  };

  it('tell what ran on the backward pass, and what did not have to', async () => {
    const model = (await loadEachWay(loadToy)).get('layers')!;
    const [forward, back] = await run(model);
    expect(forward!.dispatches.some(({ kind }) => kind === 'backward')).toBe(false);
    expect(back!.dispatches.every(({ kind, action }) => kind === 'backward' && action === 'run')).toBe(true);
    const layers = back!.dispatches.map(({ name }) => name).filter((name) => name.startsWith('transformer.h.'));
    expect(layers).toEqual(['transformer.h.3', 'transformer.h.2']);
    expect(back!.skipped).toEqual(expect.arrayContaining(['transformer.h.0', 'transformer.h.1']));
    expect(back!.planned).toBeGreaterThan(0);
    expect(back!.dispatches.every(({ built }) => built !== null)).toBe(true);
    const [, again] = await run(model);
    expect(again!.planned).toBeNull();
    expect(again!.dispatches.every(({ built }) => built === null)).toBe(true);
  });

  const builtBy = async (positions: string) => {
    const model = (await loadEachWay(loadToy)).get('layers')!;
    const built: string[][] = [];
    for (let time = 0; time < 2 * OFTEN; time++) {
      const all = (await run(model, positions)).flatMap(({ dispatches }) => dispatches);
      built.push(all.filter((one) => one.built !== null).map(({ name, kind }) => `${kind} ${name}`));
    }
    return built;
  };

  it('show that what runs often is built once more, to keep what takes long, and then no more', async () => {
    const built = await builtBy('0, -1:');
    expect(built.slice(1, 5).flat()).toEqual([]);
    // What keeps nothing is simplified, which took longer than a few runs of it.
    expect(built[5]).toEqual(expect.arrayContaining(['backward interventions', 'backward the end (2 of 2)']));
    expect(built[5]).not.toContain('backward transformer.h.3');
    expect(built[6]).toEqual(expect.arrayContaining(['segment transformer.h.3', 'backward transformer.h.3']));
    expect(built[6]).not.toContain('segment transformer.h.0');
    expect(built.slice(7).flat()).toEqual([]);
  });

  it('show that weights which few rows are multiplied by are prepacked, not those of a single row', async () => {
    // The unembedding has nothing to keep.
    const spy = vi.spyOn(ort, 'createSession');
    const prepacked = async (positions: string) => {
      const model = (await loadEachWay(loadToy)).get('layers')!;
      for (let time = 0; time < 5; time++) await run(model, positions);
      spy.mockClear();
      await run(model, positions);
      return spy.mock.calls.filter(([, { prepack }]) => prepack !== false).length;
    };
    expect(await prepacked('0, -3:')).toBe(1);
    expect(await prepacked('0, -1:')).toBe(0);
    spy.mockRestore();
  });
});

it('no more is kept for a backward pass than there is room for', () => {
  const program = { key: 'p', kind: 'segment', weights: 0, random: false, write: () => new Uint8Array() } as const;
  const dispatch: Dispatch = { program, kind: 'segment', label: 'p', feeds: [], fetches: [], drops: [], nodes: [] };
  const plan: Plan = { registers: 2, inputs: [], operands: [], dispatches: [], saves: [], skipped: [], cuts: [] };
  const programs = { residuals: () => ['a'], withResiduals: () => ({ ...program, extras: ['a'] }) };
  const residuals = new Residuals(plan, programs, 10);
  const first = residuals.extended(dispatch);
  expect(first.fetches).toEqual([{ name: 'a', register: 2 }]);
  const tensor = { type: 'float32', dims: [4], data: new Float32Array(4) } as const;
  residuals.count(first, dispatch, [undefined, undefined, tensor]);
  expect(residuals.extended(dispatch)).toBe(dispatch);
});
