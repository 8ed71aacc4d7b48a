import { fileURLToPath } from 'node:url';
import { NNsight, save, Tensor } from 'onnsight';
import { beforeAll, describe, expect, it } from 'vitest';
import { rejection } from './support.ts';

const MLP = fileURLToPath(new URL('../fixtures/zoo/mlp.ts.onnx', import.meta.url));
const x = [[0.1, 0.2, 0.3, 0.4, 0.5]];

// biome-ignore lint/suspicious/noExplicitAny: the modules of this model are not known to the type checker.
let model: any;
beforeAll(async () => {
  model = await NNsight.load(MLP, { device: 'cpu' });
});

type Deep = (Deep | number)[];

function nested(depth: number): Deep {
  let array: Deep = [1];
  for (let i = 1; i < depth; i++) array = [array];
  return array;
}

const endless: Deep = [];
endless.push(endless);

describe.each<[string, Deep]>([
  ['65 deep', nested(65)],
  ['100,000 deep', nested(100_000)],
  ['without an end', endless],
])('arrays that are nested %s are an error', (_, array) => {
  it('as an input, as an operand and as a tensor', async () => {
    const says = /the arrays are nested more than 64 deep/;
    expect((await rejection(model.trace({ x: array }, () => save(model.output)))).message).toMatch(says);
    const added = model.trace({ x }, () => {
      const y = model.output;
      return save(y + array);
    });
    expect((await rejection(added)).message).toMatch(/nested\.test\.ts:\d+:\d+ - .*nested more than 64 deep/);
    expect(() => Tensor.from(array as number[])).toThrow(says);
  });
});

describe('a result', () => {
  it('that contains itself, or one object twice, comes back so', async () => {
    const result = await model.trace({ x }, () => {
      const shared = { y: save(model.output) };
      // biome-ignore lint/suspicious/noExplicitAny: a type would have to contain itself.
      const all: any = { shared, again: [shared] };
      all.all = all;
      return all;
    });
    expect(result.all).toBe(result);
    expect(result.again[0]).toBe(result.shared);
    expect(result.shared.y.dims).toEqual([1, 2]);
  });

  it('that is nested too deeply is an error', async () => {
    const deep = nested(100_000);
    const traced = model.trace({ x }, () => {
      save(model.output);
      return deep;
    });
    expect((await rejection(traced)).message).toMatch(/nested\.test\.ts:\d+:\d+ - The result is nested too deeply/);
  });
});
