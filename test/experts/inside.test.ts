import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { backward, NNsight, save, sum, Tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';

interface Data {
  readonly dims: readonly number[];
  readonly dtype: 'float32';
  readonly data: readonly number[];
}

interface Case {
  readonly operator: string;
  readonly weighted: boolean;
  readonly inputs: Readonly<Record<string, Data>>;
  readonly made: Readonly<Record<'probabilities' | 'neurons' | 'made' | 'output' | 'without', Data>>;
}

const folder = (name: string) => fileURLToPath(new URL(`../fixtures/experts/${name}`, import.meta.url));
const CASES: Record<string, Case> = JSON.parse(readFileSync(folder('cases.json'), 'utf8'));

function expectClose(tensor: unknown, expected: Data): void {
  const { dims, data } = tensor as Tensor;
  expect(dims).toEqual(expected.dims);
  for (const [i, value] of [...data].entries()) expect(value).toBeCloseTo(expected.data[i]!, 4);
}

function tensorsOf({ inputs }: Case): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { data, dtype, dims }]) => [name, Tensor.from([...data], dtype, [...dims])]),
  );
}

describe.each(Object.entries(CASES))('%s', (name, one) => {
  const inputs = tensorsOf(one);
  const isBatched = one.made.output.dims.length === 3;
  const load = () => NNsight.load(folder(`${name}.onnx`), { device: 'cpu' });

  it('has numpy’s values inside, and the output as it was', async () => {
    const model = await load();
    const ops = () => model.get('moe').ops;
    const found = await model.trace(inputs, () => ({
      neurons: save(ops().MatMul_1!.input),
      made: save(ops().ReduceSum!.input),
      sum: save(ops().ReduceSum!.output),
      output: save(model.output),
    }));
    expectClose(found.neurons, one.made.neurons);
    expectClose(found.made, one.made.made);
    expectClose(found.sum, one.made.output);
    expectClose(found.output, one.made.output);
    expectClose(await model.trace(inputs, () => save(model.output)), one.made.output);
    if (one.weighted) return;
    expectClose(await model.trace(inputs, () => save(ops().Softmax!.output)), one.made.probabilities);
  });

  it('goes on without an expert', async () => {
    const model = await load();
    const made = await model.trace(inputs, () => {
      const { ReduceSum } = model.get('moe').ops;
      if (isBatched) ReduceSum!.input[':, 0'] = 0;
      else ReduceSum!.input[0] = 0;
      return save(model.output);
    });
    expectClose(made, one.made.without);
  });

  it('tells the shapes without running', async () => {
    const model = await load();
    const scanned = await model.scan(inputs, () => ({
      neurons: save(model.get('moe').ops.MatMul_1!.input),
      first: save(model.get('moe').ops.MatMul!.output),
      made: save(model.get('moe').ops.ReduceSum!.input),
    }));
    const dims = (tensor: unknown) => (tensor as Tensor).dims;
    expect(dims(scanned.neurons)).toEqual(one.made.neurons.dims);
    expect(dims(scanned.made)).toEqual(one.made.made.dims);
    const run = await model.trace(inputs, () => save(model.get('moe').ops.MatMul!.output));
    expect(dims(scanned.first)).toEqual(dims(run));
  });
});

it('sets the choice of the router', async () => {
  const one = CASES.q4!;
  const model = await NNsight.load(folder('q4.onnx'), { device: 'cpu' });
  const { first, all } = await model.trace(tensorsOf(one), () => {
    const { Softmax, ReduceSum } = model.get('moe').ops;
    Softmax!.output = 0;
    Softmax!.output[':, :, 0'] = 1;
    return { first: save(ReduceSum!.input[':, 0']), all: save(model.output) };
  });
  expect([...(all as unknown as Tensor).data]).toEqual([...(first as unknown as Tensor).data]);
});

it.each(['silu-normalized', 'swiglu', 'q4-swiglu-blocks', 'q8-swiglu'])('has a gradient through %s', async (name) => {
  const inputs = tensorsOf(CASES[name]!);
  const model = await NNsight.load(folder(`${name}.onnx`), { device: 'cpu' });
  const loss = (x: Tensor) =>
    model.trace({ ...inputs, x }, () => save(sum(model.output))) as unknown as Promise<Tensor>;
  const { gradient } = (await model.trace(inputs, () => {
    const x = model.input;
    backward(sum(model.output));
    return { gradient: save(x.grad) };
  })) as unknown as { gradient: Tensor };
  const { data, dims } = inputs.x!;
  for (const at of [0, 17, 101]) {
    const [up, down] = [0.01, -0.01].map((by) =>
      Tensor.from(
        Array.from(data, (value, i) => Number(value) + (i === at ? by : 0)),
        'float32',
        [...dims],
      ),
    );
    const slope = ((await loss(up!)).item() as number) - ((await loss(down!)).item() as number);
    expect(gradient.data[at]).toBeCloseTo(slope / 0.02, 1);
  }
});
