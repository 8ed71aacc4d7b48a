import {
  Adam,
  backward,
  clone,
  detach,
  flatten,
  grad,
  matmul,
  mul,
  Parameter,
  pow,
  SGD,
  save,
  square,
  stack,
  sum,
  Tensor,
  type Traced,
} from 'onnsight';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadToy } from '../support/toy.ts';
import { type Expected, expectGradient, fixture } from './pytorch.ts';

/** test/tools/parameter_gradients.py */
const { start, x, cases }: { start: number[][]; x: number[][]; cases: Record<string, Expected> } =
  fixture('parameters');
const X = Tensor.from(x, 'float32');
const prompt = 'The Eiffel Tower';
let lm: Awaited<ReturnType<typeof loadToy>>;

beforeAll(async () => {
  lm = await loadToy();
});

/** The losses of the script. */
const losses: Readonly<Record<string, (v: Parameter) => Traced>> = {
  'a row'(v) {
    'use trace';
    return sum(X * v[0]! * v[1]!);
  },
  'a slice of a slice'(v) {
    'use trace';
    return sum(X[':, 1:3'] * square(v[':, 1:'][0][':2']));
  },
  'rows that are unpacked'(v) {
    'use trace';
    const [a, b] = v as unknown as [number, number];
    return sum(X * a * b * b);
  },
  'rows of a loop'(v) {
    'use trace';
    let total = 0;
    for (const row of v as unknown as number[]) total += sum(X * row * row);
    return total as Traced;
  },
  'another shape'(v) {
    'use trace';
    return (sum(v.reshape(4, 2)[1] * X[':, :2']) + sum(pow(v.reshape([8]), 3))) as Traced;
  },
  'another dtype'(v) {
    'use trace';
    return sum(square(v.to('float64')) * X[0]!.to('float64'));
  },
  'a list'(v) {
    'use trace';
    return sum(square(stack([v, v * v] as Traced[])) * X[1]!);
  },
  'a transpose'(v) {
    'use trace';
    return sum(square(matmul(X, v.T)));
  },
  'a copy that is changed'(v) {
    'use trace';
    const w = clone(v);
    w['0'] = 3;
    return sum(X * w[0] * w[1]);
  },
};

describe('a parameter has PyTorch’s gradient where a block uses', () => {
  it.each(Object.keys(cases))('%s', async (name) => {
    const v = new Parameter(start);
    await lm.trace(prompt, () => backward(losses[name]!(v)));
    expectGradient(v.grad!, cases[name]!, name);
  });
});

it('a list of parameters has their gradients', async () => {
  const [a, b] = [new Parameter([1, 2]), new Parameter([3, 4])];
  await lm.trace(prompt, () => backward(sum(square(stack([a, b] as unknown as Traced[])))));
  expect([...a.grad!.data, ...b.grad!.data]).toEqual([2, 4, 6, 8]);
});

it('a row of a parameter has a gradient of its own', async () => {
  const v = new Parameter(start);
  const found = await lm.trace(prompt, () => {
    const row = v[0]!;
    const loss = sum(square(row));
    return save(grad(loss, row as Traced));
  });
  expect([...found.data]).toEqual([2, 4, 6, 8]);
});

describe('what would be lost without a word is an error at its line', () => {
  it.each<[string, (v: Parameter) => Tensor]>([
    ['a slice', (v) => v['0'] as Tensor],
    ['another shape', (v) => v.reshape(8)],
    ['a function', (v) => mul(v, 2) as unknown as Tensor],
    ['a slice of that', (v) => (mul(v, 2) as unknown as Tensor)['0'] as Tensor],
  ])('what was computed from a parameter before the block: %s', async (_, made) => {
    const v = new Parameter(start);
    const w = made(v);
    const trace = lm.trace(prompt, () => {
      const x = sum(w);
      backward(square(x));
    });
    await expect(trace).rejects.toThrow(
      /parameters\.test\.ts:\d+:\d+ - A tensor that was computed from a Parameter outside/,
    );
    // As a constant, and where no gradient is asked for, it is a tensor like others.
    await lm.trace(prompt, () => backward(square(sum(detach(w)))));
    expect((await lm.trace(prompt, () => save(sum(w)))).dims).toEqual([]);
  });

  it.each<[string, (v: Parameter) => void]>([
    [
      'itself',
      (v) => {
        'use trace';
        (v as unknown as Traced)['0'] = 3;
      },
    ],
    [
      'a row',
      (v) => {
        'use trace';
        v[0]!['1'] = 3;
      },
    ],
    [
      'a view',
      (v) => {
        'use trace';
        flatten(v)['1'] = 3;
      },
    ],
  ])('a change in place of a parameter: %s', async (_, change) => {
    const v = new Parameter(start);
    const trace = lm.trace(prompt, () => {
      change(v);
      backward(sum(v * v));
    });
    await expect(trace).rejects.toThrow(
      /parameters\.test\.ts:\d+:\d+ - A tensor from outside of the block .*clone\(tensor\)/,
    );
  });

  it('a change in place of a view of a tensor from outside', async () => {
    const t = Tensor.from(start);
    const trace = lm.trace(prompt, () => {
      const w = flatten(t);
      w['0'] = 5;
      return save(sum(w + flatten(t)));
    });
    await expect(trace).rejects.toThrow(
      /parameters\.test\.ts:\d+:\d+ - A tensor from outside of the block .*clone\(tensor\)/,
    );
  });

  it('gradients that are forgotten in a block', async () => {
    const v = new Parameter(start);
    const adam = new Adam([v]);
    const forgets = [() => v.zeroGrad(), () => adam.zeroGrad()];
    for (const forget of forgets) {
      const trace = lm.trace(prompt, () => {
        backward(sum(v * v));
        forget();
      });
      await expect(trace).rejects.toThrow(
        /parameters\.test\.ts:\d+:\d+ - zeroGrad\(\) changes numbers in memory at once/,
      );
    }
  });

  it('a name that an optimizer does not have', () => {
    const sgd = new SGD([new Parameter([1])], { lr: 0.5 });
    expect(() => Object.assign(sgd, { learningRate: 1 })).toThrow(TypeError);
    sgd.lr = 0.25;
    expect(sgd.options.lr).toBe(0.25);
  });
});

it.each(['includes', 'indexOf', 'lastIndexOf'] as const)(
  'whether a list with a gradient that may be undefined %s undefined is an error at its line',
  async (name) => {
    const trace = lm.trace(prompt, () => {
      const { h } = lm.transformer;
      const found: (Traced | undefined)[] = grad(sum(h[0].output), [h[2].output], { allowUnused: true });
      return { is: found[name](undefined), x: save(h[0].output) };
    });
    await expect(trace).rejects.toThrow(
      /parameters\.test\.ts:\d+:\d+ - Whether this gradient is undefined is known only/,
    );
  },
);
