import { backward, LanguageModel, save, sum, type Tensor } from 'onnsight';
import { expect, test } from 'vitest';
import { fixturePath } from './fixture-path.ts';

const [SHORT, MIDDLE, LONG] = [[[0, 42]], [[0, 11, 99]], [[0, 11, 99, 101, 5, 7]]] as const;
const ROWS = [SHORT, MIDDLE, LONG];
const GREEDY = { maxNewTokens: 6, stopTokens: [] };
const DIGITS = 4;

const open = () => LanguageModel.load(fixturePath('genai-llama'), { device: 'cpu' });

type Ids = readonly (readonly number[])[];

function expectClose(got: Tensor, expected: Tensor): void {
  expect(got.dims).toEqual(expected.dims);
  for (const [i, value] of [...got.data].entries()) expect(value).toBeCloseTo(Number(expected.data[i]), DIGITS);
}

test('rows of GroupQueryAttention that begin with padding are those of single runs, in invokes', async () => {
  const lm = await open();
  const alone = async (ids: Ids) =>
    lm.trace(ids as number[][], () => ({
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
      tracer.invoke(ids as unknown as number[][], () => {
        const own = `:, ${-ids[0].length}:`;
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
  const alone = await lm.trace(SHORT as unknown as number[][], () => {
    lm.get('model.layers.1').output[':, -1'] *= 3;
    lm.get('model.layers.2.attn').output[':, 0'] = 0;
    return save(lm.output[':, -1']);
  });
  const both = await lm.trace((tracer) => {
    const found: Tensor[] = [];
    tracer.invoke(LONG as unknown as number[][], () => {
      lm.get('model.layers.0').output *= 0.5;
    });
    tracer.invoke(SHORT as unknown as number[][], () => {
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
      const one = await lm.generate(ids as unknown as number[][], { ...GREEDY, useCache }, (tracer) => {
        const found: Tensor[] = [];
        for (const _ of tracer.iter(0, 4)) {
          found.push(save(lm.get('model.layers.1').output[':, -1'].norm({ dim: -1 })) as unknown as Tensor);
        }
        return found;
      });
      singles.push(one.tokens[0]);
      norms.push(one.result.map((value: Tensor) => Number(value.data[0])));
    }
    const all = ROWS.map((row) => [...row[0]]);
    const batch = await lm.generate(all, { ...GREEDY, useCache }, (tracer) => {
      const found: Tensor[] = [];
      for (const _ of tracer.iter(0, 4)) {
        found.push(save(lm.get('model.layers.1').output[':, -1'].norm({ dim: -1 })) as unknown as Tensor);
      }
      return found;
    });
    expect(batch.tokens).toEqual(singles);
    for (const [step, value] of batch.result.entries()) {
      for (const [row, own] of norms.entries()) expect(Number(value.data[row])).toBeCloseTo(own[step], DIGITS);
    }
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
  const first = await lm.trace({ input_ids: [[0, 0, 0, 0, 0, 42], [...LONG[0]]], attention_mask: mask }, () =>
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
  const alone = await gradient(SHORT as unknown as number[][], '0');
  const both = await gradient([[...LONG[0]], [...SHORT[0]]], '1');
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
