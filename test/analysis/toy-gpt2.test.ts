import { readFileSync } from 'node:fs';
import { type LanguageModel, type Loose, mul, NNsight, save, sum, Tensor } from 'onnsight';
import {
  accumulatedResidual,
  type Components,
  decomposeResidual,
  drawGrid,
  getActPatchAttnHeadOutAllPos,
  getActPatchAttnOut,
  getActPatchMlpOut,
  getActPatchResidPre,
  logitAttribution,
  type PatchingGrid,
  patch,
  stackHeads,
} from 'onnsight/analysis';
import { describe, expect, it } from 'vitest';
import { modelPath } from '../support/fixtures.ts';
import { loadToy, maxDifference } from '../support/toy.ts';

/** PyTorch's numbers, by `test/tools/analysis_fixtures.py`. */
const expected = JSON.parse(readFileSync(new URL('../fixtures/analysis.json', import.meta.url), 'utf8'));
const clean = 'When Mary and John went to the store , John gave a drink to';
const corrupted = 'When Mary and John went to the store , Mary gave a drink to';
const lm = await loadToy();
const [mary, john] = ['Mary', 'John'].map((name) => lm.tokenizer.token_to_id(name)!) as [number, number];
const metric = (logits: Tensor) => Number(logits[`0, -1, ${mary}`].item()) - Number(logits[`0, -1, ${john}`].item());
const options = { clean, corrupted, metric };

const weights = Tensor.from(
  Array.from({ length: 128 }, (_, i) => i + 1),
  'float32',
);

/** Compares components by a weighted sum over their features. */
function expectComponents({ values }: Components, { dims, data }: { dims: number[]; data: number[] }): void {
  expect(values.dims).toEqual(dims);
  const found = Array.from(sum(mul(values, weights), -1).data as Float32Array);
  const most = Math.max(...data.map(Math.abs));
  expect(maxDifference(found, data) / most).toBeLessThan(1e-4);
}

function expectGrid({ values, rows, columns }: PatchingGrid, wanted: number[][]): void {
  expect(rows).toHaveLength(wanted.length);
  expect(columns).toHaveLength(wanted[0]!.length);
  for (const [i, row] of values.entries()) expect(maxDifference(row, wanted[i]!)).toBeLessThan(1e-3);
}

describe('components of the residual stream', () => {
  it('accumulatedResidual', async () => {
    const found = await accumulatedResidual(lm, clean);
    expect(found.labels).toEqual(['0_pre', '1_pre', '2_pre', '3_pre', 'final_post']);
    expectComponents(found, expected.accumulated);
  });

  it('decomposeResidual', async () => {
    const found = await decomposeResidual(lm, clean);
    expect(found.labels.slice(0, 3)).toEqual(['embed', '0_attn_out', '0_mlp_out']);
    expectComponents(found, expected.decomposed);
  });

  it('stackHeads', async () => {
    const found = await stackHeads(lm, clean, expected.heads);
    expect(found.labels.slice(3, 5)).toEqual(['L0H3', 'L1H0']);
    expectComponents(found, expected.by_head);
  });

  it('another number of heads than the features allow is an error', async () => {
    await expect(getActPatchAttnHeadOutAllPos(lm, { ...options, heads: 3 })).rejects.toThrow(
      /toy-gpt2\.test\.ts:\d+:\d+ - .*3 heads/,
    );
    await expect(stackHeads(lm, clean, 3)).rejects.toThrow(
      /toy-gpt2\.test\.ts:\d+:\d+ - .*128 features, which are not those of 3 heads/,
    );
  });
});

describe('logitAttribution', () => {
  const answer = { token: mary, instead: john };

  it.each([
    ['decomposed', () => decomposeResidual(lm, clean)],
    ['by_head', () => stackHeads(lm, clean, expected.heads)],
    ['accumulated', () => accumulatedResidual(lm, clean)],
  ] as const)('%s', async (name, components) => {
    const found = await logitAttribution(lm, clean, await components(), answer);
    expect(maxDifference(Array.from(found.data as Float32Array), expected.attribution[name])).toBeLessThan(1e-3);
  });

  it('of all components adds up to the difference of the logits, beside the bias of the norm', async () => {
    const found = await logitAttribution(lm, clean, await decomposeResidual(lm, clean), answer);
    const total = Number(sum(found, 0)['0, -1'].item());
    expect(total + expected.attribution.bias).toBeCloseTo(expected.metric.clean, 3);
  });
});

describe('patching', () => {
  it.each([
    ['resid_pre', getActPatchResidPre],
    ['attn_out', getActPatchAttnOut],
    ['mlp_out', getActPatchMlpOut],
  ] as const)('by layer and position: %s', async (name, grid) => {
    expectGrid(await grid(lm, options), expected[name]);
  });

  it('by layer and head, with progress and a picture', async () => {
    const told: number[][] = [];
    const onProgress = (done: number, total: number) => told.push([done, total]);
    const grid = await getActPatchAttnHeadOutAllPos(lm, { ...options, heads: expected.heads, onProgress });
    expectGrid(grid, expected.head_out);
    expect(told).toEqual(Array.from({ length: 16 }, (_, i) => [i + 1, 16]));
    const picture = drawGrid(grid, { title: 'heads & <layers>' });
    expect(picture.match(/<rect /g)).toHaveLength(16);
    expect(picture).toContain('heads &amp; &lt;layers>');
    expect(picture).toContain(`layer 1, head 2: ${grid.values[1]![2]}`);
  });

  it('is ended by a signal', async () => {
    const stop = new AbortController();
    const sweep = getActPatchMlpOut(lm, { ...options, signal: stop.signal, onProgress: () => stop.abort() });
    await expect(sweep).rejects.toThrow(/aborted/);
  });

  it('of prompts of other lengths is an error', async () => {
    await expect(getActPatchMlpOut(lm, { ...options, corrupted: 'The Big Ben' })).rejects.toThrow(
      /toy-gpt2\.test\.ts:\d+:\d+ - .*other sizes/,
    );
  });

  it('patch: at the same positions, and at others', async () => {
    const module = 'transformer.h.1';
    const same = await patch(lm, clean, corrupted, { module, positions: [14] });
    expect(metric(same.base)).toBeCloseTo(expected.metric.corrupted, 3);
    expect(metric(same.patched)).toBeCloseTo(expected.patch.same, 3);
    const moved = await patch(lm, clean, corrupted, { module, positions: { from: [10, 14], to: [9, 14] } });
    expect(metric(moved.patched)).toBeCloseTo(expected.patch.moved, 3);
    const other = patch(lm, clean, corrupted, { module, positions: { from: [10], to: [9, 14] } });
    await expect(other).rejects.toThrow(/toy-gpt2\.test\.ts:\d+:\d+ - 1 positions of the source/);
  });
});

it('a wrong option is an error at the line, and so is one that is missing', async () => {
  const components = await accumulatedResidual(lm, clean);
  const at = (text: string) => new RegExp(`toy-gpt2\\.test\\.ts:\\d+:\\d+ - ${text}`);
  const loose = (given: object) => given as never;
  await expect(accumulatedResidual(lm, clean, loose({ part: {} }))).rejects.toThrow(at(".*has no option 'part'"));
  await expect(stackHeads(lm, clean, 4, loose({ parts: { layers: 'transformer.h' } }))).rejects.toThrow(
    at('parts needs attention, which is a text'),
  );
  await expect(logitAttribution(lm, clean, components, loose({ token: mary, against: john }))).rejects.toThrow(
    at(".*has no option 'against'"),
  );
  await expect(logitAttribution(lm, clean, components, loose({ token: -1 }))).rejects.toThrow(at('The option token'));
  await expect(logitAttribution(lm, clean, components, loose({}))).rejects.toThrow(at('logitAttribution needs token'));
  await expect(patch(lm, clean, corrupted, loose({ module: 'transformer.h.1', position: [1] }))).rejects.toThrow(
    at(".*has no option 'position'"),
  );
  await expect(patch(lm, clean, corrupted, loose({ module: 'transformer.h.1', positions: 3 }))).rejects.toThrow(
    at('The option positions of patch is an array of positions'),
  );
  for (const heads of [0, 2.5]) {
    await expect(getActPatchAttnHeadOutAllPos(lm, { ...options, heads })).rejects.toThrow(
      at('The option heads .* is a whole number from 1 on'),
    );
  }
  await expect(getActPatchMlpOut(lm, loose({ clean, corrupted }))).rejects.toThrow(
    at('getActPatchMlpOut needs metric, which is a function'),
  );
  expect(() => drawGrid({ rows: [], columns: [], values: [] }, { most: 0 })).toThrow(at('The option most of drawGrid'));
  const tensor = (logits: Tensor) => logits['0, -1, 0'];
  await expect(getActPatchMlpOut(lm, loose({ clean, corrupted, metric: tensor }))).rejects.toThrow(
    at('metric gives a tensor'),
  );
});

it('a model whose names are not known needs its parts, which are those that are found in another one', async () => {
  const mlp = (await NNsight.load(modelPath('zoo/mlp', 'ts'), { device: 'cpu' })) as unknown as LanguageModel;
  await expect(decomposeResidual(mlp, { x: [[1, 2, 3, 4, 5]] } as never)).rejects.toThrow(
    /toy-gpt2\.test\.ts:\d+:\d+ - The model has no module that is the list of layers \(layers\): it has layer1, layer2/,
  );
  const llama = (await NNsight.load(modelPath('zoo/llama', 'ts'), { device: 'cpu' })) as unknown as LanguageModel;
  const prompt = { input_ids: [[1, 2, 3]], attention_mask: [[1, 1, 1]] };
  const parts = {
    layers: 'model.model.layers',
    attention: 'self_attn',
    mlp: 'mlp',
    projection: 'self_attn.o_proj',
    norm: 'model.model.norm',
    unembedding: 'model.lm_head',
  };
  const found = await logitAttribution(llama, prompt, await decomposeResidual(llama, prompt), { token: 5 });
  const given = await logitAttribution(
    llama,
    prompt,
    await decomposeResidual(llama, prompt, { parts }),
    { token: 5 },
    { parts },
  );
  expect([...found.data]).toEqual([...given.data]);
  const { output } = await llama.trace(prompt);
  const logits = output![':, :, 5'] as Tensor;
  expect(
    maxDifference(Array.from(sum(found, 0).data as Float32Array), Array.from(logits.data as Float32Array)),
  ).toBeLessThan(1e-4);
});

describe('a file in which the heads are apart in the input of the projection, as the dynamo exporter leaves them', () => {
  const parts = {
    layers: 'model.transformer.h',
    attention: 'attn',
    mlp: 'mlp',
    projection: 'attn.c_proj',
    norm: 'model.transformer.ln_f',
    unembedding: 'model.lm_head',
  };
  const load = async (exporter: 'ts' | 'dynamo') =>
    (await NNsight.load(modelPath('zoo/gpt2', exporter), { device: 'cpu' })) as unknown as LanguageModel;
  const prompt = { input_ids: [[5, 9, 3, 17, 2]], attention_mask: [[1, 1, 1, 1, 1]] };

  it('stackHeads gives what the rows of the weight give for each head', async () => {
    const gpt2 = await load('dynamo');
    const { values } = await stackHeads(gpt2, prompt, 4, { parts });
    const { z, weight } = await gpt2.trace(prompt, () => {
      const { c_proj } = gpt2.get('model.transformer.h.1.attn') as Loose;
      return { z: save(c_proj.input), weight: save(c_proj.weight) };
    });
    expect(z.dims).toEqual([1, 5, 4, 8]);
    const wanted = Array.from({ length: 4 * 5 * 32 }, (_, at) => {
      const [head, position, feature] = [Math.floor(at / 160), Math.floor(at / 32) % 5, at % 32];
      let total = 0;
      for (let i = head * 8; i < head * 8 + 8; i++) {
        total += Number(z.data[position * 32 + i]) * Number(weight.data[i * 32 + feature]);
      }
      return total;
    });
    expect(values.dims).toEqual([8, 1, 5, 32]);
    expect(maxDifference(Array.from(values.data as Float32Array).slice(4 * 160), wanted)).toBeLessThan(1e-6);
    await expect(stackHeads(gpt2, prompt, 2, { parts })).rejects.toThrow(/has 4 heads, which are not those of 2 heads/);
  });

  it('patches of heads are those of the other exporter', async () => {
    const measured = (logits: Tensor) => Number(logits['0, -1, 7'].item()) - Number(logits['0, -1, 3'].item());
    const grid = async (exporter: 'ts' | 'dynamo') =>
      getActPatchAttnHeadOutAllPos(await load(exporter), {
        clean: prompt,
        corrupted: { ...prompt, input_ids: [[5, 9, 4, 17, 2]] },
        metric: measured,
        heads: 4,
        parts,
      });
    const [one, other] = [await grid('dynamo'), await grid('ts')];
    for (const [i, row] of one.values.entries()) {
      expect(maxDifference(row, other.values[i]! as number[])).toBeLessThan(1e-5);
      expect(new Set(row).size).toBe(4);
    }
  });
});
