/** A block with a backward pass that runs again is found again, with the numbers and parameters of that run. */
import { backward, mul, NNsight, Parameter, SGD, save, sum, Tensor, zeros } from 'onnsight';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { KnownBlocks } from '../../runtime/api/known-blocks.ts';
import { modelPath } from '../support/fixtures.ts';

const model = await NNsight.load(modelPath('zoo/mlp', 'ts'), { device: 'cpu' });
const inputs = (scale: number) =>
  new Tensor(
    'float32',
    [2, 5],
    Float32Array.from({ length: 10 }, (_, i) => (i * scale) / 10),
  );
const x = inputs(1);
const hidden = Array.from((await model.trace({ x }, () => save(model.layer1.output))).data, Number);
/** To the type checker a number, too, so that it can stand beside `*`. */
type Operand = Tensor & number;
const filled = (value: number) => new Tensor('float32', [1], Float32Array.of(value)) as unknown as Operand;
const numbers = (tensor: unknown) => Array.from((tensor as Tensor).data as ArrayLike<number>);

let find = vi.spyOn(KnownBlocks.prototype, 'find');
beforeEach(() => {
  find = vi.spyOn(KnownBlocks.prototype, 'find');
});
afterEach(() => find.mockRestore());
const found = () => find.mock.results.map(({ value }) => value !== null);

/** What the loss `sum((hidden * weight - goal) ** 2)` is, and its gradient by the weight. */
const lossAt = (weight: number, goal: number) => hidden.reduce((all, h) => all + (h * weight - goal) ** 2, 0);
const slopeAt = (weight: number, goal: number) => hidden.reduce((all, h) => all + 2 * (h * weight - goal) * h, 0);

it('in a training, each step with what the one before has changed', async () => {
  const weight = new Parameter(filled(0.5));
  const optimizer = new SGD([weight], { lr: 0.01 });
  let expected = 0.5;
  for (let step = 0; step < 5; step++) {
    const loss = await model.trace({ x }, () => {
      const off = model.layer1.output * weight - 1;
      const loss = sum(off * off);
      backward(loss);
      return save(loss);
    });
    expect(loss.item()).toBeCloseTo(lossAt(expected, 1), 4);
    expect(weight.grad!.item()).toBeCloseTo(slopeAt(expected, 1), 4);
    optimizer.step();
    optimizer.zeroGrad();
    expected -= 0.01 * slopeAt(expected, 1);
    expect(weight.data[0]).toBeCloseTo(expected, 5);
  }
  expect(found()).toEqual([false, true, true, true, true]);
});

it('with another parameter of the same shape, which gets the gradient, added to what it has', async () => {
  const run = (weight: Parameter, goal: Operand) =>
    model.trace({ x }, () => {
      const off = model.layer1.output * weight - goal;
      backward(sum(off * off));
    });
  const [one, other] = [new Parameter(filled(2)), new Parameter(filled(-1))];
  await run(one, filled(1));
  await run(other, filled(3));
  expect(one.grad!.item()).toBeCloseTo(slopeAt(2, 1), 4);
  expect(other.grad!.item()).toBeCloseTo(slopeAt(-1, 3), 4);
  await run(one, filled(0));
  expect(one.grad!.item()).toBeCloseTo(slopeAt(2, 1) + slopeAt(2, 0), 4);
  expect(found()).toEqual([false, true, true]);
});

it('with another tensor around it, and not where a parameter becomes one', async () => {
  const gradient = (weight: Operand) =>
    model.trace({ x }, () => {
      const off = model.layer1.output * weight - 1;
      backward(sum(off * off));
      return save(model.layer1.output.grad);
    });
  const expected = (weight: number) => hidden.map((h) => 2 * (h * weight - 1) * weight);
  for (const weight of [2, 3]) {
    const found = numbers(await gradient(filled(weight)));
    for (const [i, value] of expected(weight).entries()) expect(found[i]).toBeCloseTo(value, 4);
  }
  const trained = new Parameter(filled(2));
  await gradient(trained as unknown as Operand);
  expect(trained.grad!.item()).toBeCloseTo(slopeAt(2, 1), 4);
  expect(found()).toEqual([false, true, false]);
});

it('with a gradient that was set', async () => {
  const weight = new Parameter(filled(1));
  const run = (by: Operand) =>
    model.trace({ x }, () => {
      const scaled = mul(model.layer1.output, weight);
      backward(sum(scaled));
      scaled.grad = mul(scaled.grad, by);
    });
  for (const by of [2, 5]) {
    weight.zeroGrad();
    await run(filled(by));
    expect(weight.grad!.item()).toBeCloseTo(by * hidden.reduce((a, b) => a + b), 4);
  }
  expect(found()).toEqual([false, true]);
});

it('not where the block asks a parameter for the gradient that it has', async () => {
  const weight = new Parameter(filled(1));
  const run = () =>
    model.trace({ x }, () => save(model.layer1.output * ((weight.grad as unknown as Operand | null) ?? 0)));
  expect(numbers(await run()).every((value) => value === 0)).toBe(true);
  weight.grad = filled(2);
  expect(numbers(await run())).toEqual(hidden.map((h) => Math.fround(h * 2)));
  weight.grad = filled(3);
  expect(numbers(await run())).toEqual(hidden.map((h) => Math.fround(h * 3)));
  expect(found()).toEqual([false, false, false]);
});

it('an error about a part that was taken of a parameter outside comes each time', async () => {
  const weight = new Parameter(zeros(2) as unknown as Tensor);
  const run = (by: Operand) =>
    model.trace({ x }, () => {
      backward(sum(model.layer1.output * by));
      return save(model.layer1.output.grad);
    });
  await run(filled(1));
  for (let i = 0; i < 2; i++) await expect(run(weight['0:1'] as unknown as Operand)).rejects.toThrow('outside');
  expect(found()).toEqual([false, false, false]);
});
