import { save } from 'onnsight';
import { loadBundle, type Tensor } from 'onnsight/bundle';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectResults } from '../reference/expect-results.ts';
import { expected } from '../reference/expected.ts';
import { loadToy, maxDifference, reference } from '../support/toy.ts';
import { CASES, patch, type Run } from './cases.ts';
import { compileTo, runBare, runLive, tensorsIn } from './support/build.ts';

let lm: Awaited<ReturnType<typeof loadToy>>;

beforeAll(async () => {
  lm = await loadToy();
});

const numbers = ({ data }: Tensor) => Array.from(data as ArrayLike<number>, Number);

/** Runs all ways, and gives what PyTorch's results are called with what each of them gave. */
async function allWays(intervention: unknown, runs: readonly Run[], folder: string) {
  const bundle = await loadBundle(folder);
  const results: Record<string, Tensor> = {};
  for (const { inputs, results: named } of runs) {
    const live = tensorsIn(await runLive(intervention, lm, inputs));
    const bundled = tensorsIn(await bundle(inputs));
    const bare = await runBare(folder, inputs);
    for (const [key, name] of Object.entries(named)) {
      expect(bundled[name]!.dims, name).toEqual(bare[name]!.dims);
      expect(numbers(bundled[name]!), name).toEqual(numbers(bare[name]!));
      expect(bundled[name]!.dims, name).toEqual(live[name]!.dims);
      expect(maxDifference(numbers(bundled[name]!), numbers(live[name]!)), name).toBeLessThan(1e-4);
      results[key] = bundled[name]!;
    }
  }
  await bundle.release();
  return results;
}

describe('live, as a bundle, and as a bare ONNX model: the numbers of PyTorch', () => {
  const names = [...new Set(CASES.map(({ name }) => name))];
  it.each(names)('%s', async (name) => {
    const results: Record<string, Tensor> = {};
    for (const { intervention, runs } of CASES.filter((one) => one.name === name)) {
      Object.assign(results, await allWays(intervention, runs, await compileTo(intervention)));
    }
    expectResults(name, results);
  });

  it('patching', async () => {
    const { ids, prompts } = reference;
    const clean = await lm.trace([ids.clean], () => {
      const outputs = [];
      for (const layer of lm.transformer.h) outputs.push(save(layer.output[0]));
      return outputs;
    });
    const [answer, wrong] = [prompts.answer, prompts.wrong].map((word: string) => lm.tokenizer.token_to_id(word)!);
    const grid: number[] = [];
    for (const [layer, activation] of clean.entries()) {
      const folder = await compileTo(patch(layer));
      const bundle = await loadBundle<object, { logits: Tensor }>(folder);
      for (let k = 0; k < ids.clean.length; k++) {
        const patched = ids.clean.map((_: number, i: number) => [i === k]);
        const inputs = { input_ids: [ids.corrupt], patched, activation };
        const { logits } = await bundle(inputs);
        if (k === 0) expect(numbers((await runBare(folder, inputs)).logits!)).toEqual(numbers(logits));
        grid.push(logits.data[answer!]! - logits.data[wrong!]!);
      }
      await bundle.release();
    }
    expectResults('patching', { grid: { dims: [4, 15], data: grid } });
  });

  it('every case of the reference is there', () => {
    expect([...names, 'patching'].sort()).toEqual(Object.keys(expected).sort());
  });
});
