import { fileURLToPath } from 'node:url';
import {
  arange,
  backward,
  cat,
  crossEntropy,
  eye,
  flip,
  fullLike,
  layerNorm,
  maskedSelect,
  NNsight,
  narrow,
  type Operand,
  ones,
  quantile,
  rand,
  randint,
  randn,
  randnLike,
  repeat,
  reshape,
  save,
  scatter,
  shape,
  split,
  stack,
  type Traced,
  tensor,
  topk,
  unbind,
  unflatten,
  zeros,
} from 'onnsight';
import { describe, expect, it } from 'vitest';
import { methods } from '../../runtime/functions/methods.ts';
import { asProxy } from '../../runtime/functions/nodes.ts';
import { block } from '../../runtime/operators/blocks.ts';
import { builder } from '../../runtime/tracing/builder.ts';
import { inner } from '../../runtime/tracing/hidden.ts';
import { setitem } from '../../runtime/tracing/indexing.ts';
import { GraphEntries, joinLists, listOf } from '../../runtime/tracing/lists.ts';

const path = fileURLToPath(new URL('../fixtures/zoo/mlp.ts.onnx', import.meta.url));
const model = await NNsight.load(path, { device: 'cpu' });
const inputs = { x: [[0.5, -1, 2, 0.25, 0]] };

/** The values of what a block makes. */
async function run(make: () => Record<string, Operand> | readonly Operand[]): Promise<Record<string, unknown>> {
  const results = await model.trace(
    inputs,
    block(() => Object.fromEntries(Object.entries(make()).map(([name, value]) => [name, save(value)]))),
  );
  return Object.fromEntries(Object.entries(results).map(([name, result]) => [name, result.toArray()]));
}

const failure = (make: () => unknown) =>
  model
    .trace(
      inputs,
      block(() => void make()),
    )
    .catch((error: Error) => error.message);

/** Five elements, a number that only the run knows. */
const someElements = () =>
  maskedSelect(
    [
      [1, 2, 3],
      [4, 5, 6],
    ],
    [
      [true, true, false],
      [true, true, true],
    ],
  );

describe('sizes that only the run knows', () => {
  it('may be dimensions of a new tensor', async () => {
    const result = await run(() => {
      const [size] = someElements().shape;
      const count: number = shape(someElements())[0];
      return {
        zeros: zeros(size!, 1),
        ones: ones([2, count], { dtype: 'int64' }),
        range: arange(count),
        from: arange(2, count),
        stepped: arange(0, count, 2, { dtype: 'float32' }),
        down: arange(count, 0, -2),
        eye: eye(count, 2, { dtype: 'int64' }),
      };
    });
    expect(result).toEqual({
      zeros: [[0], [0], [0], [0], [0]],
      ones: [
        [1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1],
      ],
      range: [0, 1, 2, 3, 4],
      from: [2, 3, 4],
      stepped: [0, 2, 4],
      down: [5, 3, 1],
      eye: [
        [1, 0],
        [0, 1],
        [0, 0],
        [0, 0],
        [0, 0],
      ],
    });
  });

  it('may be those of an argument', async () => {
    const result = await run(() => {
      const x = someElements();
      const count: number = x.shape[0]!;
      return {
        reshaped: reshape(x, 1, count),
        unflattened: unflatten(cat([x, x]), 0, [2, -1]),
        repeated: repeat(x, 2),
        tiled: repeat(x, count, 1).sum(0),
        flipped: flip(x, 0),
        filled: fullLike(x, 7),
        narrowed: narrow(arange(10), 0, count, 2),
        top: topk(x, count).values,
        variance: x.float().var(),
        scattered: scatter(zeros(5), 0, arange(count), 2),
        normal: layerNorm(x.float().unsqueeze(1), [1]),
        loss: crossEntropy(eye(count), arange(count)).round(4),
      };
    });
    expect(result).toMatchObject({
      reshaped: [[1, 2, 4, 5, 6]],
      unflattened: [
        [1, 2, 4, 5, 6],
        [1, 2, 4, 5, 6],
      ],
      repeated: [1, 2, 4, 5, 6, 1, 2, 4, 5, 6],
      tiled: [5, 10, 20, 25, 30],
      flipped: [6, 5, 4, 2, 1],
      filled: [7, 7, 7, 7, 7],
      narrowed: [5, 6],
      top: [6, 5, 4, 2, 1],
      scattered: [2, 2, 2, 2, 2],
      normal: [[0], [0], [0], [0], [0]],
    });
    expect(result.variance).toBeCloseTo(4.3, 5);
    expect(result.loss).toBeCloseTo(0.9048, 4);
  });

  it('cannot be the number of results, or of random numbers', async () => {
    expect(await failure(() => unbind(someElements()))).toContain(
      'unbind: the size of dimension 0 is known only when the model runs',
    );
    expect(await failure(() => split(someElements(), 2))).toContain('split: the size of dimension 0');
    expect(await failure(() => rand(someElements().shape))).toContain('give plain sizes');
    expect(await failure(() => randnLike(someElements()))).toContain('give plain sizes');
  });
});

describe('views', () => {
  it('of a split, of rows and of slices change the tensor they are of', async () => {
    const result = await run(() => {
      const x = tensor([
        [1, 2, 3, 4],
        [5, 6, 7, 8],
      ]);
      const write = (view: Traced, value: number) => setitem(asProxy(view), '...', value);
      write(split(x, 2, -1)[1]!, 0);
      write(unbind(x)[0]!, -1);
      write(x.chunk(2, 1)[0]!.narrow(0, 1, 1), 9);
      write(x.select(1, 0).unsqueeze(1).reshape(2), 5);
      write(x.diagonal(2), 3);
      const copy = x.clone();
      write(copy, 100);
      return { x, copy };
    });
    expect(result).toEqual({
      x: [
        [5, -1, 3, -1],
        [5, 9, 0, 3],
      ],
      copy: [
        [100, 100, 100, 100],
        [100, 100, 100, 100],
      ],
    });
  });
});

describe('arrays that a loop of the graph filled', () => {
  /** Two rows, as the loop leaves them. */
  const filled = () => {
    const target = builder();
    const rows = [tensor([[1, 2]]), tensor([[3, 4]])].map((row) => asProxy(row)[inner].value());
    const type = rows[0]!.type;
    const list = joinLists(
      target,
      rows.map((row) => listOf(target, row)),
      type,
    );
    const form = { kind: 'tensor', type, leaf: list, proxy: null, saves: [] } as const;
    return new GraphEntries(target, form, list) as unknown as Traced;
  };

  it('are stacked and joined with what stands beside them', async () => {
    const result = await run(() => ({
      stacked: stack([filled(), [[5, 6]]]),
      last: stack([[[5, 6]], filled()], -1),
      rows: cat([filled(), [[5, 6]]]),
      columns: cat([[[5, 6]], filled()], -1),
    }));
    expect(result).toEqual({
      stacked: [[[1, 2]], [[3, 4]], [[5, 6]]],
      last: [
        [
          [5, 1, 3],
          [6, 2, 4],
        ],
      ],
      rows: [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      columns: [[5, 6, 1, 2, 3, 4]],
    });
  });
});

describe('methods', () => {
  it('are all there on a traced tensor', async () => {
    const missing: string[] = [];
    await run(() => {
      const x = tensor([1, 2]);
      missing.push(...Object.keys(methods).filter((name) => typeof Reflect.get(asProxy(x), name) !== 'function'));
      return { x };
    });
    expect(missing).toEqual([]);
  });

  it('are the functions, with the tensor in front', async () => {
    const result = await run(() => {
      const x = tensor(
        [
          [1, -2],
          [3, 4],
        ],
        { dtype: 'float32' },
      );
      const { values, indices } = x.max(-1);
      return {
        chained: x.abs().sum(0).add(1).reshape(1, -1),
        where: x.where(x.gt(0), 0),
        variance: x.var(-1, { correction: 0 }),
        max: x.max(),
        elementwise: x.max([
          [2, 2],
          [2, 2],
        ]),
        values,
        indices,
        pieces: stack(x.split(1, 1)).squeeze(),
        half: x.half().add(0.5).to(x),
      };
    });
    expect(result).toEqual({
      chained: [[5, 7]],
      where: [
        [1, 0],
        [3, 4],
      ],
      variance: [2.25, 0.25],
      max: 4,
      elementwise: [
        [2, 2],
        [3, 4],
      ],
      values: [1, 4],
      indices: [0, 1],
      pieces: [
        [1, 3],
        [-2, 4],
      ],
      half: [
        [1.5, -1.5],
        [3.5, 4.5],
      ],
    });
  });
});

describe('random numbers', () => {
  it('are the same for the same seed only', async () => {
    const draw = () =>
      run(() => ({
        a: randn(4, { seed: 1 }),
        b: randn([4], { seed: 1 }),
        c: randn(4, { seed: 2 }),
        d: randn(4),
        e: randn(4),
      }));
    const [first, second] = [await draw(), await draw()];
    expect(first.a).toEqual(first.b);
    expect(first.a).toEqual(second.a);
    expect(first.a).not.toEqual(first.c);
    expect(first.d).not.toEqual(first.e);
    expect(first.d).not.toEqual(second.d);
  });

  it('have the distribution that was asked for', async () => {
    const result = await run(() => {
      const normal = randn(100, 100, { seed: 3 });
      const uniform = rand(100, 100, { seed: 4 });
      const whole = randint(-2, 3, [1000], { seed: 5 });
      return {
        mean: normal.mean(),
        std: normal.std(),
        beyond: normal.abs().gt(1.96).float().mean(),
        uniformMean: uniform.mean(),
        bounds: stack([uniform.min(), uniform.max()]),
        wholeBounds: stack([whole.min(), whole.max()]),
        like: randnLike(tensor([[1, 2]], { dtype: 'float16' }), { seed: 1 }).to('float32'),
      };
    });
    expect(result.mean).toBeCloseTo(0, 1);
    expect(result.std).toBeCloseTo(1, 1);
    expect(result.beyond).toBeCloseTo(0.05, 1);
    expect(result.uniformMean).toBeCloseTo(0.5, 1);
    const [low, high] = result.bounds as number[];
    expect(low).toBeGreaterThanOrEqual(0);
    expect(high).toBeLessThan(1);
    expect(result.wholeBounds).toEqual([-2, 2]);
    expect((result.like as number[][])[0]).toHaveLength(2);
  });
});

describe('quantile', () => {
  it('takes shares from 0 to 1', async () => {
    for (const q of [1.5, -0.1, Number.NaN, [0.5, 2]]) {
      const told = `quantile() q must be in the range [0, 1] but got ${[q].flat().at(-1)}`;
      expect(await failure(() => quantile(ones(3), q))).toContain(told);
      expect(() => quantile([0.5, 2, 3], q)).toThrow(told);
    }
  });
});

describe('outside of a trace', () => {
  it('functions of a backward pass say so', () => {
    expect(() => backward(zeros(3))).toThrow(/trace/);
  });
});
