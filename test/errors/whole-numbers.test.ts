import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { intervention, NNsight, save, Tensor } from 'onnsight';
import { afterAll, describe, expect, it } from 'vitest';
import type { DType } from '../../runtime/graph/types.ts';
import { elementType } from '../../runtime/onnx/dtypes.ts';
import { makeGraph, makeModel, makeNode, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel } from '../../runtime/onnx/proto.ts';
import { rejection } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnsight-whole-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A model that gives what it is given. */
// biome-ignore lint/suspicious/noExplicitAny: its module is not known to the type checker.
async function echo(dtype: DType): Promise<any> {
  const path = join(folder, `${dtype}.onnx`);
  const [x, y] = ['x', 'y'].map((name) => makeValueInfo(name, dtype, ['n']));
  const nodes = [
    makeNode('Identity', ['x'], ['h'], {}, '/m/a/Identity'),
    makeNode('Identity', ['h'], ['y'], {}, '/m/b/Identity'),
  ];
  writeFileSync(path, encodeModel(makeModel(makeGraph('g', nodes, [x!], [y!]), 17)));
  return NNsight.load(path, { device: 'cpu' });
}

/** A model that converts what it is given: its module `a` has it before, `b` after. */
// biome-ignore lint/suspicious/noExplicitAny: its modules are not known to the type checker.
async function converting(from: DType, to: DType): Promise<any> {
  const path = join(folder, `${from}-${to}.onnx`);
  const nodes = [
    makeNode('Identity', ['x'], ['h'], {}, '/m/a/Identity'),
    makeNode('Cast', ['h'], ['c'], { to: { int: elementType(to) } }, '/m/Cast'),
    makeNode('Identity', ['c'], ['d'], {}, '/m/b/Identity'),
    makeNode('Identity', ['d'], ['y'], {}, '/m/Identity'),
  ];
  const graph = makeGraph('g', nodes, [makeValueInfo('x', from, ['n'])], [makeValueInfo('y', to, ['n'])]);
  writeFileSync(path, encodeModel(makeModel(graph, 17)));
  return NNsight.load(path, { device: 'cpu' });
}

const texts = (tensor: Tensor) => Array.from(tensor.data as ArrayLike<number | bigint>, (one) => String(BigInt(one)));

describe('whole numbers that an input holds come as they are', () => {
  it.each<[DType, unknown[]]>([
    ['uint64', [2n ** 64n - 1n, 0]],
    ['uint64', [2 ** 63]],
    ['int64', [-(2n ** 63n), 2n ** 63n - 1n]],
    ['float64', [2n ** 64n]],
    ['uint8', [0, 255]],
  ])('%s %s', async (dtype, given) => {
    const model = await echo(dtype);
    // biome-ignore lint/suspicious/noExplicitAny: numbers and bigints.
    expect(texts(await model.trace({ x: given as any }, () => save(model.output)))).toEqual(
      given.map((one) => String(BigInt(one as number))),
    );
  });
});

describe('whole numbers that do not fit are errors', () => {
  it.each<[DType, unknown, RegExp]>([
    ['uint8', [300], /300 does not fit in uint8/],
    ['uint8', Int32Array.of(-1), /-1 does not fit in uint8/],
    ['int8', Uint8Array.of(200), /200 does not fit in int8/],
    ['uint64', [2n ** 64n], /18446744073709551616 does not fit in uint64/],
    ['uint64', [-1], /-1 does not fit in uint64/],
    ['uint64', BigInt64Array.of(-1n), /-1 does not fit in uint64/],
    ['int64', [2 ** 63], /does not fit in int64/],
    ['int64', [Number.POSITIVE_INFINITY], /it holds float32 values/],
  ])('%s %s as an input', async (dtype, given, message) => {
    const model = await echo(dtype);
    // biome-ignore lint/suspicious/noExplicitAny: that is the question.
    const error = await rejection(model.trace({ x: given as any }, () => save(model.output)));
    expect(error.message).toMatch(/whole-numbers\.test\.ts:\d+:\d+ - /);
    expect(error.message).toMatch(message);
  });

  it('set at a module, in a slice, as a list and as a tensor', async () => {
    const [int32, int64] = await Promise.all([echo('int32'), echo('int64')]);
    const x = [1, 2];
    const traces = [
      int32.trace({ x }, () => {
        int32.m.a.output = [2 ** 31, 1];
        return save(int32.m.b.output);
      }),
      int32.trace({ x }, () => {
        int32.m.a.output = Tensor.from([1, 2 ** 33 + 5]);
        return save(int32.m.b.output);
      }),
      int32.trace({ x }, () => save(int32.m.b(Tensor.from([1, 2 ** 31])))),
      int64.trace({ x }, () => {
        int64.m.a.output[':'] = [2 ** 64, 1];
        return save(int64.m.b.output);
      }),
    ];
    for (const trace of traces) {
      const error = await rejection(trace);
      expect(error.message).toMatch(/whole-numbers\.test\.ts:\d+:\d+ - /);
      expect(error.message).toMatch(/(2147483648|8589934597|18446744073709552000) does not fit in int(32|64)/);
    }
  });

  it('as a parameter of an intervention, run and inside of another block', async () => {
    const model = await echo('int64');
    const own = intervention({ by: 'int8' }, (one, { by }) => {
      // biome-ignore lint/suspicious/noExplicitAny: the modules are not known to the type checker.
      const { m } = one as any;
      return save(m.a.output + by.to('int64'));
    });
    const x = [1];
    // biome-ignore lint/suspicious/noExplicitAny: that is the question.
    const inside = (by: any) => model.trace({ x }, () => own.inside(model, { by }));
    for (const by of [300, Tensor.from(300), 1.5, Tensor.from(1.5)]) {
      for (const run of [own(model, { x }, { by } as never), inside(by)]) {
        const { message } = await rejection(run as Promise<unknown>);
        expect(message).toMatch(/does not fit in int8|float32/);
      }
    }
    // biome-ignore lint/suspicious/noExplicitAny: what the block returns.
    expect(texts((await inside(100)) as any)).toEqual(['101']);
  });
});

describe('whole numbers that the model computes', () => {
  const places: [DType, DType, (number | bigint)[], (number | bigint)[]][] = [
    // from, to, what fits, what does not
    ['int64', 'int32', [-(2 ** 31), 2 ** 31 - 1], [2 ** 31]],
    ['int64', 'int32', [0, 5], [-(2 ** 31) - 1]],
    ['int64', 'uint8', [0, 255], [256]],
    ['int64', 'uint8', [7, 0], [-1]],
    ['int64', 'uint64', [0, 2n ** 63n - 1n], [-1]],
    ['uint64', 'int64', [0, 2n ** 63n - 1n], [2n ** 63n]],
    ['uint64', 'int32', [0, 7], [2n ** 64n - 1n]],
    ['uint32', 'int32', [0, 7], [2 ** 31]],
    ['int32', 'uint32', [0, 2 ** 31 - 1], [-1]],
    ['int8', 'uint8', [0, 127], [-1]],
    ['uint8', 'int8', [0, 127], [128]],
    ['int64', 'int16', [-32768, 32767], [32768]],
  ];

  it.each(places)('of %s fit at a place of %s, or the run says so', async (from, to, right, wrong) => {
    const model = await converting(from, to);
    // biome-ignore lint/suspicious/noExplicitAny: numbers and bigints.
    const set = (x: any) =>
      model.trace({ x }, () => {
        model.m.b.output = model.m.a.output;
        return save(model.output);
      });
    // biome-ignore lint/suspicious/noExplicitAny: numbers and bigints.
    const called = (x: any) => model.trace({ x }, () => save(model.m.b(model.m.a.output)));
    for (const run of [set, called]) {
      expect(texts(await run(right))).toEqual(right.map((one) => String(BigInt(one))));
      const { message } = await rejection(run(wrong));
      expect(message).toMatch(/whole-numbers\.test\.ts:\d+:\d+ - .*does not fit/);
    }
  });

  it('wrap around where they are converted, and in a slice, as in PyTorch', async () => {
    const model = await converting('int64', 'int32');
    const x = [2 ** 33 + 5, -(2 ** 31) - 1];
    const { whole, slice } = await model.trace({ x }, () => {
      const whole = model.m.a.output.to('int32');
      model.m.b.output[':'] = model.m.a.output;
      return { whole: save(whole), slice: save(model.output) };
    });
    expect(texts(whole)).toEqual(['5', '2147483647']);
    expect(texts(slice)).toEqual(['5', '2147483647']);
  });
});

describe('fractions as integers', () => {
  // What torch.tensor([…]).to(…) gives.
  it.each<[DType, string[]]>([
    ['uint8', ['255', '44', '212', '112']],
    ['int8', ['-1', '44', '-44', '112']],
    ['int16', ['-1', '300', '-300', '4464']],
    ['int32', ['-1', '300', '-300', '70000']],
    ['uint32', ['4294967295', '300', '4294966996', '70000']],
    ['uint64', ['18446744073709551615', '300', '18446744073709551316', '70000']],
  ])('wrap around in %s', (dtype, expected) => {
    const tensor = Tensor.from(Float32Array.of(-1, 300.7, -300.7, 70000)).to(dtype);
    expect(texts(tensor as Tensor)).toEqual(expected);
  });

  it.each<[DType, number]>([
    ['int32', 3e9],
    ['uint8', 3e9],
    ['int64', 1e30],
    ['int64', 2 ** 63],
    ['uint64', 2 ** 64],
    ['uint32', -3e9],
    ['int64', Number.NaN],
  ])('are an error where processors differ: %s of %s', (dtype, value) => {
    expect(() => Tensor.from(Float64Array.of(value)).to(dtype)).toThrow(RangeError);
  });
});
