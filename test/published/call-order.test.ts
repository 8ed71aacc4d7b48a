import { readFileSync } from 'node:fs';
import { type Loose, NNsight, save, type Tensor } from 'onnsight';
import { expect, test } from 'vitest';
import { fixturePath } from './fixture-path.ts';

interface Value {
  readonly dims: readonly number[];
  readonly data: readonly number[];
}

/** A file of fixtures/published/calls, with PyTorch's values of each call of its modules. */
async function opened(file: string) {
  const [stem] = file.split('.');
  const { x, calls } = JSON.parse(readFileSync(fixturePath(`calls/${stem}.json`), 'utf8')) as {
    readonly x: number[][];
    readonly calls: Readonly<Record<string, readonly Value[]>>;
  };
  return { model: await NNsight.load<Loose>(fixturePath(`calls/${file}.onnx`), { device: 'cpu' }), x, calls };
}

function distance(value: Tensor, { dims, data }: Value): number {
  if (value.dims.join() !== dims.join()) return Number.POSITIVE_INFINITY;
  return data.reduce((most, one, i) => Math.max(most, Math.abs(one - Number(value.data[i]))), 0);
}

test.each([
  ['around.shuffled', 1e-4],
  ['around.extended', 1e-4],
  ['around.int8', 0.3],
  ['around-dynamo.shuffled', 1e-4],
  ['around-dynamo.int8', 0.3],
])('calls are numbered as PyTorch makes them, in whatever order the nodes stand: %s', async (file, bound) => {
  const { model, x, calls } = await opened(file);
  const values = await model.trace({ x }, () => {
    const values: Record<string, Tensor[]> = {};
    for (const [path, all] of Object.entries(calls)) {
      values[path] = all.map((_, i) => save(model.get(path).calls[i]!.output) as unknown as Tensor);
    }
    return values;
  });
  for (const [path, all] of Object.entries(calls)) {
    for (const [i, call] of all.entries())
      expect(distance(values[path]![i]!, call), `${path} ${i}`).toBeLessThan(bound);
  }
});

test.each([['dense', 'neck', 'a list of which the model does not use the first']])(
  'of %s, which of what %s returns is the first is an error at the line: %s',
  async (file, path) => {
    const { model, x } = await opened(file);
    await expect(model.trace({ x }, () => save(model.get(path).output))).rejects.toThrow(
      /call-order.test.ts:\d+:\d+ - '\w+' returns several tensors, and its file does not tell which of them is the first/,
    );
  },
);

test('a product that ONNX Runtime has joined to the next one is an error, and the others have PyTorch’s dims', async () => {
  const { model, x, calls } = await opened('joined.extended');
  for (const [path, [value]] of Object.entries(calls)) {
    const run = model.trace({ x }, () => save(model.get(path).output));
    if (path === 'first')
      await expect(run).rejects.toThrow(/test.ts:\d+:\d+ - 'first' has its output with all rows in one/);
    else expect(distance((await run) as unknown as Tensor, value!), path).toBeLessThan(1e-4);
  }
  const given = model.trace({ x }, () => save(model.get('second').input));
  await expect(given).rejects.toThrow(/'second' has its input with all rows in one dim/);
  const flat = await model.trace({ x }, () => save(model.get('first').ops.Gemm.output));
  expect(Array.from(flat.data as Float32Array)).toHaveLength(calls.first![0]!.data.length);
});

test('a quantized layer that a batch norm was folded into has no output of its own', async () => {
  const { model, x, calls } = await opened('normed-dynamo.int8');
  await expect(model.trace({ x }, () => save(model.get('lin').output))).rejects.toThrow(
    /call-order.test.ts:\d+:\d+ - 'lin'/,
  );
  const head = await model.trace({ x }, () => save(model.get('head').output));
  expect(distance(head as unknown as Tensor, calls.head![0]!)).toBeLessThan(0.1);
});
