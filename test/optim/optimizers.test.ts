import { readFileSync } from 'node:fs';
import { Adam, AdamW, Parameter, SGD, Tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';

/** What torch.optim made of the same parameter with the same gradients (test/tools/optimizers_fixtures.py). */
const fixture: {
  start: number[];
  gradients: (number[] | null)[];
  cases: { optimizer: string; options: object; values: number[][] }[];
} = JSON.parse(readFileSync(new URL('../fixtures/optimizers.json', import.meta.url), 'utf8'));
const OPTIMIZERS: Readonly<Record<string, typeof SGD | typeof Adam | typeof AdamW>> = { SGD, Adam, AdamW };

describe('optimizers take PyTorch’s steps', () => {
  it.each(fixture.cases.map((one) => [`${one.optimizer} ${JSON.stringify(one.options)}`, one] as const))(
    '%s',
    (_, { optimizer, options, values }) => {
      const parameter = new Parameter(fixture.start, 'float64');
      const made = new OPTIMIZERS[optimizer]!([parameter], options);
      fixture.gradients.forEach((gradient, step) => {
        parameter.grad = gradient && Tensor.from(gradient, 'float64');
        made.step();
        values[step]!.forEach((value, i) => {
          expect(Math.abs(parameter.data[i]! - value), `step ${step}, element ${i}`).toBeLessThan(1e-10);
        });
      });
    },
  );

  it('of halves, whose elements are as they are after the step', () => {
    const half = new Parameter([1, 2], 'float16');
    expect([...half.data]).toEqual([1, 2]);
    half.grad = Tensor.from([1, -1], 'float16');
    new SGD([half], { lr: 0.5 }).step();
    expect([...half.data]).toEqual([0.5, 2.5]);
  });
});

describe('optimizers refuse what is no option', () => {
  const parameter = new Parameter([1, 2]);
  it.each<[string, () => unknown, RegExp]>([
    [
      'a misspelt option',
      () => new Adam([parameter], { weight_decay: 1 } as object),
      /no option 'weight_decay'; did you mean weightDecay/,
    ],
    ['a text', () => new SGD([parameter], { lr: '0.1' } as object), /lr is a string, and must be a number/],
    ['infinity', () => new SGD([parameter], { lr: Number.POSITIVE_INFINITY }), /lr is Infinity/],
    ['a negative rate', () => new AdamW([parameter], { lr: -1 }), /lr is -1/],
    ['betas of 1', () => new Adam([parameter], { betas: [0.9, 1] }), /betas are 0.9 and 1/],
    ['nesterov alone', () => new SGD([parameter], { nesterov: true }), /nesterov needs a momentum/],
    ['no parameters', () => new SGD([]), /empty list/],
    ['a tensor', () => new SGD([Tensor.from([1.5])] as never), /takes parameters/],
    ['whole numbers', () => new Parameter(new Int32Array(2)), /not int32/],
    ['a dtype of whole numbers', () => new Parameter([1], 'int64' as 'float32'), /not int64/],
    [
      'a gradient of another shape',
      () => {
        parameter.grad = Tensor.from([1.5]);
      },
      /cannot be a tensor of float32\[1\]/,
    ],
  ])('%s', (_, make, says) => {
    expect(make).toThrow(says);
  });

  it('but take a gradient of numbers, in the dtype of its parameter', () => {
    const half = new Parameter([1, 2], 'float16');
    half.grad = [1, -1];
    expect([half.grad!.dtype, [...half.grad!.data]]).toEqual(['float16', [1, -1]]);
    expect(() => {
      half.grad = new Float32Array(2);
    }).toThrow(/cannot be a tensor of float32\[2\]/);
  });

  it('and take one that is undefined as left out', () => {
    expect(new Adam([parameter], { lr: undefined } as object).options.lr).toBe(1e-3);
  });
});
