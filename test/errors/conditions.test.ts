import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cat, NNsight, save, Tensor } from 'onnsight';
import { TensorProto_DataType as T } from 'onnx-buf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel } from '../../runtime/onnx/proto.ts';
import { rejection } from './support.ts';

const MLP = fileURLToPath(new URL('../fixtures/zoo/mlp.ts.onnx', import.meta.url));
const x = [[0.1, 0.2, 0.3, 0.4, 0.5]];

// biome-ignore lint/suspicious/noExplicitAny: the modules of this model are not known to the type checker.
let model: any;
beforeAll(async () => {
  model = await NNsight.load(MLP, { device: 'cpu' });
});

describe('a condition whose size only the run tells, and that has not one element', () => {
  it.each<[string, () => Promise<unknown>]>([
    [
      'none, before a loop',
      () =>
        model.trace({ x }, () => {
          const h = model.layer1.output;
          let v = h[h.gt(1e9)];
          let k = 0;
          while (v > 0) {
            v = v - 1;
            k += 1;
          }
          return save(k);
        }),
    ],
    [
      'none, in a branch',
      () =>
        model.trace({ x }, () => {
          const h = model.layer1.output;
          let k = 0;
          if (h[h.gt(1e9)] > 0) k = 1;
          return save(k);
        }),
    ],
    [
      'none, after an iteration',
      () =>
        model.trace({ x }, () => {
          const h = model.layer1.output;
          let v = h[h.gt(0.4)];
          let k = 0;
          while (v > 0) {
            v = v - 0.3;
            v = v[v.gt(0)];
            k += 1;
          }
          return save(k);
        }),
    ],
    [
      'several, after an iteration',
      () =>
        model.trace({ x }, () => {
          const h = model.layer1.output;
          let v = h[h.gt(0.4)];
          let k = 0;
          while (v > 0) {
            v = cat([v - 0.3, v * 0 - 1]);
            k += 1;
          }
          return save(k);
        }),
    ],
    [
      'none, out of a function',
      () =>
        // biome-ignore lint/suspicious/noExplicitAny: the tracer's own types are not what is tested.
        model.trace({ x }, (tracer: any) => {
          const c = tracer.apply(() => Tensor.from([], 'float32', [0]), model.layer1.output, {
            dtype: 'float32',
            dims: [null],
          });
          let k = 0;
          while (c > k) k += 1;
          return save(k);
        }),
    ],
  ])('%s: an error at its line', async (_, run) => {
    const error = await rejection(run());
    expect(error.message).toMatch(/conditions\.test\.ts:\d+:\d+ - .*a tensor of one element.* ambiguous/);
  });
});

describe('the largest of no elements, which only the run can tell', () => {
  it.each(['argmax', 'argmin', 'amax', 'amin', 'max', 'min'])('%s', async (name) => {
    for (const dims of /^m/.test(name) ? [[]] : [[], [0], [0, true]]) {
      const run = model.trace({ x }, () => {
        const h = model.layer1.output;
        return save(h[h.gt(1e9)][name](...dims));
      });
      const error = await rejection(run);
      expect(error.message).toMatch(/conditions\.test\.ts:\d+:\d+ - .*no elements have no largest and no smallest one/);
    }
  });

  it('but of none of several rows there is none', async () => {
    const positions = await model.trace({ x }, () => {
      const h = model.layer1.output;
      return save(h[h.gt(1e9)].reshape([-1, 2]).argmax(1));
    });
    expect(positions.dims).toEqual([0]);
  });
});

describe('a loop that does not end', () => {
  it('is an error at its line after as many iterations as the model was loaded with', async () => {
    // biome-ignore lint/suspicious/noExplicitAny: the modules of this model are not known to the type checker.
    const limited: any = await NNsight.load(MLP, { device: 'cpu', maxIterations: 50 });
    const count = (end: number) =>
      limited.trace({ x }, () => {
        let k = limited.layer1.output.norm() * 0;
        while (k < end) k += 1;
        return save(k);
      });
    expect((await count(49)).item()).toBe(49);
    expect((await count(50)).item()).toBe(50);
    const error = await rejection(count(51));
    expect(error.message).toMatch(
      /conditions\.test\.ts:\d+:\d+ - .*a loop has run 50 times and goes on\. .*maxIterations/,
    );
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
    '%s is no number of iterations',
    async (maxIterations) => {
      await expect(NNsight.load(MLP, { device: 'cpu', maxIterations })).rejects.toThrow(
        /conditions\.test\.ts:\d+:\d+ - The option maxIterations of NNsight\.load is a whole number from 1 on, not/,
      );
    },
  );
});

describe("a loop of the model's own that ONNX Runtime ends the process for", () => {
  const folder = mkdtempSync(join(tmpdir(), 'onnsight-loops-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Doubles 1 as often as the elements of x above 0 say, and while the state is below their number. */
  async function looping(trip: string, goesOn: string): Promise<typeof model> {
    const body = makeGraph(
      'body',
      [
        makeNode('Add', ['v', 'v'], ['twice']),
        makeNode('Less', ['twice', 'positive'], ['less']),
        makeNode('Identity', ['on'], ['same']),
      ],
      [makeValueInfo('i', 'int64', []), makeValueInfo('on', 'bool', []), makeValueInfo('v', 'float32', [])],
      [makeValueInfo(goesOn, 'bool'), makeValueInfo('twice', 'float32')],
    );
    const graph = makeGraph(
      'g',
      [
        makeNode('Greater', ['x', 'zero'], ['mask'], {}, '/m/Greater'),
        makeNode('Compress', ['x', 'mask'], ['positive'], { axis: { int: 0 } }, '/m/Compress'),
        makeNode('Cast', ['positive'], ['count'], { to: { int: T.INT64 } }, '/m/Cast'),
        makeNode('Loop', [trip, '', 'one'], ['y'], { body: { graph: body } }, '/Loop'),
      ],
      [makeValueInfo('x', 'float32', ['n'])],
      [makeValueInfo('y', 'float32')],
      [
        makeTensor('zero', 'float32', [0], []),
        makeTensor('one', 'float32', [1], []),
        makeTensor('ten', 'int64', [10], []),
      ],
    );
    const path = join(folder, 'loop.onnx');
    writeFileSync(path, encodeModel(makeModel(graph)));
    return NNsight.load(path, { device: 'cpu' });
  }

  it.each([
    ['trip count', 'count', 'same', 8],
    ['condition of the body', 'ten', 'less', 4],
  ])('an empty %s', async (_, trip, goesOn, expected) => {
    const own = await looping(trip, goesOn);
    expect((await own.trace({ x: [-1, 3] })).y.item()).toBe(expected);
    const error = await rejection(own.trace({ x: [-1, -2] }));
    expect(error.name).toBe('TraceError');
    expect(error.message).toMatch(/a number of iterations is a tensor of one element.*\(its dims are \[0\]\)/);
  });
});
