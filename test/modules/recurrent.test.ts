import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NNsight, save, TraceError } from 'onnsight';
import { describe, expect, it } from 'vitest';

const folder = new URL('../fixtures/recurrent/', import.meta.url);
const cases = JSON.parse(readFileSync(new URL('values.json', folder), 'utf8')) as Record<
  string,
  { readonly x: number[][][]; readonly output: number[][][] }
>;

/** What PyTorch's module returns first, in its layout. */
describe.each(['ts', 'dynamo'])('the output of a recurrent module (%s)', (exporter) => {
  const load = (name: string) =>
    NNsight.load(fileURLToPath(new URL(`${name}.${exporter}.onnx`, folder)), { device: 'cpu' });

  it.each(Object.entries(cases).filter(([name]) => !name.endsWith('state')))('%s', async (name, { x, output }) => {
    const model = await load(name);
    const got = await model.trace({ x }, () => save(model.rnn!.output));
    const want = output.flat(2);
    expect(got.dims).toEqual([output.length, output[0]!.length, output[0]![0]!.length]);
    [...got.data].forEach((value, i) => {
      expect(value).toBeCloseTo(want[i]!, 5);
    });
  });

  it.each(Object.entries(cases).filter(([name]) => name.endsWith('state')))('%s: only states', async (name, { x }) => {
    const model = await load(name);
    const read = model.trace({ x }, () => save(model.rnn!.output));
    await expect(read).rejects.toThrow(TraceError);
    await expect(read).rejects.toThrow(/recurrent\.test\.ts:\d+:\d+ - .*uses only the final states of 'rnn'/);
  });
});
