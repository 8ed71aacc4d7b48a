import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backward, intervention, LanguageModel, save, sum, type Tensor } from 'onnsight';
import { loadBundle } from 'onnsight/bundle';
import { expect, test } from 'vitest';
import { compileTo } from '../bundle/support/build.ts';
import { fixturePath } from './fixture-path.ts';

const [SHORT, MIDDLE, LONG] = [
  [0, 42],
  [0, 11, 99],
  [0, 11, 99, 101, 5, 7],
];
const ROWS = [SHORT, MIDDLE, LONG];
const GREEDY = { maxNewTokens: 6, stopTokens: [] };
const DIGITS = 4;

const open = () => LanguageModel.load(fixturePath('genai-llama'), { device: 'cpu' });

type Slice = `${string},${string}`;

function expectClose(got: Tensor, expected: Tensor): void {
  expect(got.dims).toEqual(expected.dims);
  for (const [i, value] of [...got.data].entries()) expect(value).toBeCloseTo(Number(expected.data[i]), DIGITS);
}

test('rows of GroupQueryAttention that begin with padding are those of single runs, in invokes', async () => {
  const lm = await open();
  const alone = async (ids: number[]) =>
    lm.trace([ids], () => ({
      logits: save(lm.output),
      layer: save(lm.get('model.layers.1').output),
      attention: save(lm.get('model.layers.0.attn').output),
      query: save(lm.get('model.layers.0.attn').ops.GroupQueryAttention.input),
    }));
  const singles = [];
  for (const ids of ROWS) singles.push(await alone(ids));
  const both = await lm.trace((tracer) => {
    const rows: { at: string; logits: Tensor; layer: Tensor; attention: Tensor; query: Tensor }[] = [];
    for (const ids of ROWS) {
      tracer.invoke([ids], () => {
        const own = `:, ${-ids.length}:` as Slice;
        rows.push({
          at: own,
          logits: save(lm.output[own]) as unknown as Tensor,
          layer: save(lm.get('model.layers.1').output[own]) as unknown as Tensor,
          attention: save(lm.get('model.layers.0.attn').output[own]) as unknown as Tensor,
          query: save(lm.get('model.layers.0.attn').ops.GroupQueryAttention.input[own]) as unknown as Tensor,
        });
      });
    }
    return rows;
  });
  for (const [i, one] of singles.entries()) {
    expectClose(both[i]!.logits, one.logits as unknown as Tensor);
    expectClose(both[i]!.layer, one.layer as unknown as Tensor);
    expectClose(both[i]!.attention, one.attention as unknown as Tensor);
    expectClose(both[i]!.query, one.query as unknown as Tensor);
  }
});

test('what is set in one row of such a batch is what is set in a single run', async () => {
  const lm = await open();
  const alone = await lm.trace([SHORT], () => {
    lm.get('model.layers.1').output[':, -1'] *= 3;
    lm.get('model.layers.2.attn').output[':, 0'] = 0;
    return save(lm.output[':, -1']);
  });
  const both = await lm.trace((tracer) => {
    const found: Tensor[] = [];
    tracer.invoke([LONG], () => {
      lm.get('model.layers.0').output *= 0.5;
    });
    tracer.invoke([SHORT], () => {
      lm.get('model.layers.1').output[':, -1'] *= 3;
      lm.get('model.layers.2.attn').output[':, -2'] = 0;
      found.push(save(lm.output[':, -1']) as unknown as Tensor);
    });
    return found;
  });
  expectClose(both[0]!, alone as unknown as Tensor);
});

test.each([{ useCache: true }, { useCache: false }])(
  'generations of rows of different lengths are those of single rows: %o',
  async ({ useCache }) => {
    const lm = await open();
    const singles = [];
    const norms = [];
    for (const ids of ROWS) {
      const one = await lm.generate([ids], { ...GREEDY, useCache }, (tracer) => {
        const found: Tensor[] = [];
        for (const _ of tracer.iter(0, 4)) {
          found.push(save(lm.get('model.layers.1').output[':, -1'].norm({ dim: -1 })) as unknown as Tensor);
        }
        return found;
      });
      singles.push(one.tokens[0]);
      norms.push(one.result.map((value: Tensor) => Number(value.data[0])));
    }
    const batch = await lm.generate(ROWS, { ...GREEDY, useCache }, (tracer) => {
      const found: Tensor[] = [];
      for (const _ of tracer.iter(0, 4)) {
        found.push(save(lm.get('model.layers.1').output[':, -1'].norm({ dim: -1 })) as unknown as Tensor);
      }
      return found;
    });
    expect(batch.tokens).toEqual(singles);
    for (const [step, value] of batch.result.entries()) {
      for (const [row, own] of norms.entries()) expect(Number(value.data[row])).toBeCloseTo(own[step]!, DIGITS);
    }
  },
);

test.each([{ useCache: true }, { useCache: false }])(
  'rows of such a batch end at their own stop tokens: %o',
  async ({ useCache }) => {
    const lm = await open();
    const options = { maxNewTokens: 6, useCache };
    const free = [];
    for (const ids of ROWS) free.push((await lm.generate([ids], { ...options, stopTokens: [] })).tokens[0]!);
    // The second token of the first row, and whatever it ends in the others.
    const stopTokens = [free[0]![1]!];
    const singles = [];
    for (const ids of ROWS) singles.push((await lm.generate([ids], { ...options, stopTokens })).tokens[0]);
    expect(singles[0]).toHaveLength(2);
    expect((await lm.generate(ROWS, { ...options, stopTokens })).tokens).toEqual(singles);
  },
);

test('the cache of such a batch has each row from the first place on, and later runs go on from it', async () => {
  const lm = await open();
  const next = [
    [0, 42, 17],
    [0, 11, 99, 101, 5, 7, 17],
  ];
  const lasts = [];
  for (const ids of next) lasts.push(await lm.trace([ids], () => save(lm.output[':, -1'])));
  const mask = [
    [0, 0, 0, 0, 1, 1],
    [1, 1, 1, 1, 1, 1],
  ];
  const caches = [0, 1, 2].flatMap((i) => [`${i}.key`, `${i}.value`]);
  const first = await lm.trace({ input_ids: [[0, 0, 0, 0, 0, 42], LONG], attention_mask: mask }, () =>
    caches.map((name) => save(lm.outputs[`present.${name}`])),
  );
  const past = Object.fromEntries(caches.map((name, i) => [`past_key_values.${name}`, first[i]!]));
  const second = await lm.trace(
    { input_ids: [[17], [17]], attention_mask: mask.map((row) => [...row, 1]), ...past },
    () => save(lm.output[':, -1']),
  );
  for (const [i, last] of lasts.entries()) expectClose(second[`${i}:${i + 1}`] as Tensor, last as unknown as Tensor);
});

test('gradients of such rows are those of single runs', async () => {
  const lm = await open();
  const gradient = (ids: number[][], row: string) =>
    lm.trace(ids, () => {
      const layer = lm.get('model.layers.0').output;
      backward(sum(lm.output[`${row}, -1, :8`]));
      return save(layer.grad[`${row}, -2:`]);
    });
  const alone = await gradient([SHORT], '0');
  const both = await gradient([LONG, SHORT], '1');
  expectClose(both as unknown as Tensor, alone as unknown as Tensor);
});

test('masks with holes, and padding behind tokens', async () => {
  const lm = await open();
  const alone = await lm.trace([[0, 42, 9, 13]], () => save(lm.output));
  const masked = async (input_ids: number[][], attention_mask: number[][]) =>
    lm.trace({ input_ids, attention_mask }, () => save(lm.output)) as unknown as Promise<Tensor>;
  const holes = await masked([[5, 0, 42, 7, 9, 13]], [[0, 1, 1, 0, 1, 1]]);
  expectClose(holes[':, [1, 2, 4, 5]'] as Tensor, alone as unknown as Tensor);
  const behind = await masked([[0, 42, 9, 13, 5, 5]], [[1, 1, 1, 1, 0, 0]]);
  expectClose(behind[':, :4'] as Tensor, alone as unknown as Tensor);
});

test('padding among new tokens beside a cache is an error', async () => {
  const lm = await open();
  const caches = [0, 1, 2].flatMap((i) => [`${i}.key`, `${i}.value`]);
  const first = await lm.trace([[0, 42]], () => caches.map((name) => save(lm.outputs[`present.${name}`])));
  const past = Object.fromEntries(caches.map((name, i) => [`past_key_values.${name}`, first[i]!]));
  const run = lm.trace({ input_ids: [[0, 5, 6]], attention_mask: [[1, 1, 0, 1, 1]], ...past }, () => save(lm.output));
  await expect(run).rejects.toThrow(
    /padding.test.ts:\d+:\d+ - .*has padding before tokens, which this file's GroupQueryAttention takes for tokens/,
  );
});

const steer = intervention({ by: 'float32' }, (lm: LanguageModel, { by }) => {
  lm.get('model.layers.1').output *= by;
  return { logits: save(lm.output) };
});

test('a bundle takes such rows, and so does the model that it is opened as', async () => {
  const lm = await open();
  const folder = await compileTo(steer, { model: fixturePath('genai-llama/model.onnx') });
  const bundle = await loadBundle<unknown, { logits: Tensor }>(folder);
  const alone = (await steer(lm, { input_ids: [SHORT], by: 2 })) as unknown as { logits: Tensor };
  const inputs = {
    input_ids: [[7, 7, 7, 7, ...SHORT], LONG],
    attention_mask: [
      [0, 0, 0, 0, 1, 1],
      [1, 1, 1, 1, 1, 1],
    ],
    by: 2,
  };
  const { logits } = await bundle(inputs);
  expectClose(logits['0:1, -2:'] as Tensor, alone.logits);
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(fixturePath(`genai-llama/${file}`), join(folder, file));
  const again = await LanguageModel.load(join(folder, 'steer.onnx'), { device: 'cpu' });
  const opened = await again.trace(inputs, () => save(again.outputs.logits['0:1, -2:']));
  expectClose(opened as unknown as Tensor, alone.logits);
});

/** A model of the fixtures as a folder with a tokenizer. */
async function withTokenizer<T>(model: string, config: object, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'onnsight-'));
  try {
    for (const file of ['tokenizer.json', 'tokenizer_config.json'])
      copyFileSync(fixturePath(`gpt2-merged/${file}`), join(folder, file));
    copyFileSync(fixturePath(`${model}.onnx`), join(folder, 'model.onnx'));
    writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test.each([
  ['bert-optimizer', { model_type: 'bert' }],
  ['bert-optimizer', {}],
  ['bert-cls', { model_type: 'bert' }],
  ['distilbert-optimizer', {}],
  ['albert', {}],
  ['mpnet-int8', { model_type: 'mpnet', pad_token_id: 1 }],
])('texts of an encoder are padded as in transformers, on the right: %s %o', async (model, config) => {
  await withTokenizer(model, config, async (folder) => {
    const lm = await LanguageModel.load(folder, { device: 'cpu' });
    const rows = [
      [5, 42],
      [5, 11, 99],
      [5, 11, 99, 101, 6, 7],
    ];
    const both = await lm.trace((tracer) => {
      const found: Tensor[] = [];
      for (const ids of rows) tracer.invoke([ids], () => void found.push(save(lm.output) as unknown as Tensor));
      return found;
    });
    for (const [i, ids] of rows.entries()) {
      const alone = (await lm.trace([ids], () => save(lm.output))) as unknown as Tensor;
      // A classifier has no positions.
      const own = alone.dims.length === 3 ? both[i]![`:, :${ids.length}` as Slice] : both[i];
      for (const [at, value] of [...(own as Tensor).data].entries())
        expect(Math.abs(Number(value) - Number(alone.data[at]))).toBeLessThan(model === 'mpnet-int8' ? 0.2 : 1e-4);
    }
  });
});
