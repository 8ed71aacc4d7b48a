import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { backward, intervention, NNsight, save, sum, Tensor } from 'onnsight';
import { loadBundle } from 'onnsight/bundle';
import { describe, expect, it } from 'vitest';
import { declareModules } from '../../runtime/modules/declarations.ts';
import { readModel } from '../../runtime/onnx/read.ts';
import { compileTo } from '../bundle/support/build.ts';
import { fixturePath } from '../published/fixture-path.ts';

interface Data {
  readonly dims: readonly number[];
  readonly dtype: 'float32';
  readonly data: readonly number[];
}

interface Case {
  readonly operator: string;
  readonly inputs: Readonly<Record<string, Data>>;
  readonly made: Readonly<Record<'probabilities' | 'output' | 'halved', Data>>;
}

const folder = (name: string) => fileURLToPath(new URL(`../fixtures/inside-attention/${name}`, import.meta.url));
const CASES: Record<string, Case> = JSON.parse(readFileSync(folder('cases.json'), 'utf8'));

function expectClose({ dims, data }: Tensor, expected: Data, digits = 4): void {
  expect(dims).toEqual(expected.dims);
  for (const [i, value] of [...data].entries()) expect(value).toBeCloseTo(expected.data[i]!, digits);
}

function tensorsOf({ inputs }: Case): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { data, dtype, dims }]) => [name, Tensor.from([...data], dtype, [...dims])]),
  );
}

describe.each(Object.entries(CASES))('%s', (name, one) => {
  const inputs = tensorsOf(one);
  // ONNX Runtime's kernel and the definition round whole numbers otherwise.
  const digits = one.operator === 'QAttention' ? 1 : 4;

  it('has the probabilities of PyTorch inside, and the output as it was', async () => {
    const model = await NNsight.load(folder(`${name}.onnx`), { device: 'cpu' });
    const softmax = () => model.get('attn').ops.Softmax!;
    const found = await model.trace(inputs, () => {
      const { input, output } = softmax();
      return { input: save(input), probabilities: save(output), output: save(model.output) };
    });
    expectClose(found.probabilities as unknown as Tensor, one.made.probabilities, digits);
    expectClose(found.output as unknown as Tensor, one.made.output, digits);
    expectClose((found.input as unknown as Tensor).softmax(-1) as unknown as Tensor, one.made.probabilities, digits);
    const fused = await model.trace(inputs, () => save(model.output));
    expectClose(
      found.output as unknown as Tensor,
      { ...one.made.output, data: [...(fused.data as Float32Array)] },
      digits,
    );
  });

  it('gives what PyTorch does when they are set', async () => {
    const model = await NNsight.load(folder(`${name}.onnx`), { device: 'cpu' });
    const halved = await model.trace(inputs, () => {
      model.get('attn').ops.Softmax!.output[':, 0'] *= 0.5;
      return save(model.output);
    });
    expectClose(halved as unknown as Tensor, one.made.halved, digits);
    const scored = await model.trace(inputs, () => {
      // A scale of the exponentials changes nothing.
      model.get('attn').ops.Softmax!.input += 2;
      return save(model.output);
    });
    expectClose(scored as unknown as Tensor, one.made.output, digits);
  });

  it('tells the shape without running', async () => {
    const model = await NNsight.load(folder(`${name}.onnx`), { device: 'cpu' });
    const { dims } = one.made.probabilities;
    const scanned = await model.scan(inputs, () => save(model.get('attn').ops.Softmax!.output));
    expect((scanned as unknown as Tensor).dims).toEqual([...dims]);
  });
});

it('gradients go through', async () => {
  const model = await NNsight.load(folder('grouped.onnx'), { device: 'cpu' });
  const { inputs, made } = CASES.grouped!;
  const values = tensorsOf({ inputs, made } as Case);
  const found = await model.trace(values, () => {
    const { output } = model.get('attn').ops.Softmax!;
    backward(sum(model.output));
    return save(output.grad);
  });
  // The derivative by a probability is the sum of the value that it weighs.
  const v = inputs.v!;
  const [, places, size] = v.dims as [number, number, number];
  const sums = Array.from({ length: v.data.length / size }, (_, i) =>
    v.data.slice(i * size, (i + 1) * size).reduce((a, b) => a + b, 0),
  );
  const { dims, data } = found as unknown as Tensor;
  expect(dims).toEqual([2, 2, 4, 4]);
  for (const [i, value] of [...data].entries()) {
    const row = Math.floor(i / (dims[1]! * dims[2]! * dims[3]!));
    expect(value).toBeCloseTo(sums[row * places + (i % dims[3]!)]!, 4);
  }
});

it('is inside of files of ONNX Runtime and onnxruntime-genai: probabilities add up to one, and the rest is as it was', async () => {
  for (const [file, path] of [
    ['bert-optimizer.onnx', 'encoder.layer.1.attention.self'],
    ['genai-llama/model.onnx', 'model.layers.1.attn'],
  ] as const) {
    const model = await NNsight.load(fixturePath(file), { device: 'cpu' });
    const inputs = { input_ids: [[5, 42, 65, 7]], attention_mask: [[1, 1, 1, 1]] };
    const before = await model.trace(inputs, () => save(model.output));
    const found = await model.trace(inputs, () => ({
      sums: save(model.get(path).ops.Softmax!.output.sum(-1)),
      output: save(model.output),
    }));
    for (const one of (found.sums as unknown as Tensor).data) expect(one).toBeCloseTo(1, 5);
    for (const [i, one] of [...(found.output as unknown as Tensor).data].entries())
      expect(one).toBeCloseTo(Number(before.data[i]), 4);
  }
});

it('rows that begin with padding, and operators without a definition here, are errors at the line', async () => {
  const model = await NNsight.load(fixturePath('genai-llama/model.onnx'), { device: 'cpu' });
  const inputs = { input_ids: [[5, 42, 65, 7]], attention_mask: [[0, 1, 1, 1]] };
  const run = model.trace(inputs, () => save(model.get('model.layers.1.attn').ops.Softmax!.output));
  await expect(run).rejects.toThrow(
    /inside.test.ts:\d+:\d+ - .*begin with padding, for which it cannot be written out/,
  );
});

it('stands among the operations of its module, and of no other', async () => {
  const model = await NNsight.load(fixturePath('genai-llama/model.onnx'), { device: 'cpu' });
  const { ops } = model.get('model.layers.1.attn');
  expect('Softmax' in ops).toBe(true);
  expect(inspect(ops)).toMatch(/GroupQueryAttention.*, Softmax \(inside\)$/);
  expect('Softmax' in model.get('model.layers.1.mlp').ops).toBe(false);
  const { plain } = await readModel(fixturePath('genai-llama/model.onnx'));
  const text = declareModules(plain, { name: 'Model', isMember: () => false });
  expect(text).toMatch(/'GroupQueryAttention'[^;]*'Softmax'/);
  await expect(
    model.trace({ input_ids: [[1]] }, () => save(model.get('model.layers.1.mlp').ops.Softmax!.output)),
  ).rejects.toThrow(/no operation 'Softmax'/);
});

const pattern = (path: string) =>
  intervention({ by: 'float32' }, (model: NNsight, { by }) => {
    model.get(path).ops.Softmax!.output[':, 0'] *= by;
    return { probabilities: save(model.get(path).ops.Softmax!.output) };
  });

it('goes into bundles, but for operators that padding may be fed to', async () => {
  const bert = pattern('encoder.layer.1.attention.self');
  const folder = await compileTo(bert, { model: fixturePath('bert-optimizer.onnx') });
  const bundle = await loadBundle<unknown, { probabilities: Tensor }>(folder);
  const model = await NNsight.load(fixturePath('bert-optimizer.onnx'), { device: 'cpu' });
  const inputs = { input_ids: [[5, 42, 65, 7]], attention_mask: [[1, 1, 1, 1]], by: 0.5 };
  const live = (await bert(model as never, inputs)) as unknown as { probabilities: Tensor };
  const { probabilities } = await bundle(inputs);
  expect(probabilities.dims).toEqual([1, 4, 4, 4]);
  for (const [i, one] of [...probabilities.data].entries())
    expect(one).toBeCloseTo(Number(live.probabilities.data[i]), 5);
  const llama = compileTo(pattern('model.layers.1.attn'), { model: fixturePath('genai-llama/model.onnx') });
  await expect(llama).rejects.toThrow(/inside.test.ts:\d+:\d+ - .*which a bundle cannot look into/);
});
