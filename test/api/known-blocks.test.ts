/** A block that runs again is found again where it would be recorded as the same graph, and recorded anew where not. */
import { arange, NNsight, Parameter, rand, save, stack, Tensor, zeros } from 'onnsight';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { KnownBlocks } from '../../runtime/api/known-blocks.ts';
import { modelPath } from '../support/fixtures.ts';

const model = await NNsight.load(modelPath('zoo/mlp', 'ts'), { device: 'cpu' });
const x = new Tensor(
  'float32',
  [2, 5],
  Float32Array.from({ length: 10 }, (_, i) => i / 10),
);

let find = vi.spyOn(KnownBlocks.prototype, 'find');
beforeEach(() => {
  find = vi.spyOn(KnownBlocks.prototype, 'find');
});
afterEach(() => find.mockRestore());

/** For each trace of the test whether its block was found again. */
const found = () => find.mock.results.map(({ value }) => value !== null);

const numbers = (tensor: unknown) => Array.from((tensor as Tensor).data as ArrayLike<number>);
const { hidden } = await model.trace({ x }, () => ({ hidden: save(model.layer1.output) }));
const scaled = (by: number) => numbers(hidden).map((one) => Math.fround(one * by));
const moved = (by: number) => numbers(hidden).map((one) => Math.fround(one + Math.fround(by)));
const filled = (value: number) => new Tensor('float32', [1], Float32Array.of(value));
find.mockClear();

it('with the same numbers around it, and not with others', async () => {
  for (const by of [2, 2, 3, 2, 3, -0, 0]) {
    const result = await model.trace({ x }, () => save(model.layer1.output * by));
    expect(numbers(result)).toEqual(scaled(by));
  }
  expect(found()).toEqual([false, true, false, true, true, false, false]);
});

it('with a variable that changes in between', async () => {
  let by = 1;
  const block = () => save(model.layer1.output * by);
  const once = async () => numbers(await model.trace({ x }, block));
  expect(await once()).toEqual(scaled(1));
  by = 4;
  expect(await once()).toEqual(scaled(4));
  expect(await once()).toEqual(scaled(4));
  expect(found()).toEqual([false, false, true]);
});

it('with other tensors of the same type, which are data of the run', async () => {
  for (const by of [1, 2, 3]) {
    const steer = filled(by);
    const result = await model.trace({ x }, () => save(model.layer1.output + steer));
    expect(numbers(result)).toEqual(moved(by));
  }
  expect(found()).toEqual([false, true, true]);
});

it('with a tensor whose elements have changed', async () => {
  const steer = filled(1);
  const block = () => save(model.layer1.output + steer);
  expect(numbers(await model.trace({ x }, block))).toEqual(moved(1));
  steer.data[0] = 5;
  expect(numbers(await model.trace({ x }, block))).toEqual(moved(5));
  expect(found()).toEqual([false, true]);
});

it('not where two tensors become one, or one two', async () => {
  const [one, two] = [filled(1), filled(2)];
  for (const [a, b] of [
    [one, two],
    [one, one],
    [two, one],
    [two, two],
  ] as const) {
    const result = await model.trace({ x }, () => save(model.layer1.output.mul(a).mul(b)));
    expect(numbers(result)).toEqual(scaled(a.item() * b.item()));
  }
  expect(found()).toEqual([false, false, true, true]);
});

it('not with tensors of other sizes or dtypes', async () => {
  const tensors = [
    filled(1),
    new Tensor('float32', [], Float32Array.of(1)),
    new Tensor('int64', [1], BigInt64Array.of(1n)),
  ];
  for (const steer of tensors) {
    const result = await model.trace({ x }, () => save(model.layer1.output + steer));
    expect(numbers(result)).toEqual(moved(1));
  }
  expect(found()).toEqual([false, false, false]);
});

it('not on inputs of other sizes, and on others of the same', async () => {
  const rows = [
    x,
    new Tensor('float32', [1, 5], new Float32Array(5)),
    new Tensor('float32', [2, 5], new Float32Array(10)),
    x,
  ];
  const results = [];
  for (const given of rows) results.push(await model.trace({ x: given }, () => save(model.layer1.output)));
  expect(numbers(results[3])).toEqual(numbers(hidden));
  expect(numbers(results[2]).slice(0, 10)).toEqual(numbers(results[1]));
  expect(results[2]!.dims).toEqual([2, 10]);
  expect(found()).toEqual([false, false, true, true]);
});

it('gives each run objects and arrays of its own', async () => {
  const results = [];
  for (const part of [1, 1]) {
    results.push(
      await model.trace({ x }, () => {
        const h = save(model.layer1.output);
        return { h, list: [h, save(h * part)], word: 'a', none: undefined };
      }),
    );
  }
  const [first, second] = results;
  expect(numbers(second!.list[1])).toEqual(numbers(first!.list[1]));
  const isSame = [second!.list === first!.list, second!.h === first!.h, second!.h === second!.list[0]];
  expect(isSame).toEqual([false, false, true]);
  expect(Object.keys(second!)).toEqual(['h', 'list', 'word', 'none']);
  expect(found()).toEqual([false, true]);
});

it('with what a branch saves, which may not be there', async () => {
  const results = [];
  for (const value of [1, -1, 1]) {
    const limit = filled(value);
    results.push(
      await model.trace({ x }, () => {
        const sum = model.layer1.output.mul(0).add(limit).sum();
        let found: Tensor | undefined;
        if (sum > 0) found = save(sum);
        return { found };
      }),
    );
  }
  expect(results.map(({ found }) => found?.item())).toEqual([20, undefined, 20]);
});

it('several at once', async () => {
  const run = (by: number) => {
    const steer = filled(by);
    return model.trace({ x }, () => save(model.layer1.output + steer));
  };
  await run(0);
  const results = await Promise.all([1, 2, 3, 4, 5].map(run));
  expect(results.map(numbers)).toEqual([1, 2, 3, 4, 5].map(moved));
  expect(found().slice(1)).toEqual([true, true, true, true, true]);
});

it('not where the block draws random numbers', async () => {
  const draw = () => model.trace({ x }, () => save(model.layer1.output * 0 + rand(1)));
  expect(numbers(await draw())[0]).not.toBe(numbers(await draw())[0]);
  const chance = () => model.trace({ x }, () => save(model.layer1.output * 0 + Math.random()));
  expect(numbers(await chance())[0]).not.toBe(numbers(await chance())[0]);
});

it('not where it changes something outside', async () => {
  const seen: string[] = [];
  let count = 0;
  const object = { n: 0 };
  for (let i = 0; i < 3; i++) {
    await model.trace({ x }, () => {
      seen.push('once');
      return save(model.layer1.output);
    });
    await model.trace({ x }, () => {
      count++;
      return save(model.layer1.output);
    });
    await model.trace({ x }, () => {
      object.n += 1;
      return save(model.layer1.output);
    });
  }
  expect([seen, count, object.n]).toEqual([['once', 'once', 'once'], 3, 3]);
});

it('not where it reads objects, arrays, whole numbers and functions of the program', async () => {
  const cfg = { by: 1 };
  const list = [1];
  const index = new Tensor('int64', [1], BigInt64Array.of(0n));
  let by = 1;
  const helper = () => by;
  const all = async () => [
    numbers(await model.trace({ x }, () => save(model.layer1.output * cfg.by))),
    numbers(await model.trace({ x }, () => save(model.layer1.output * list[0]!))),
    numbers(await model.trace({ x }, () => save(model.layer1.output.mul(index)))),
    numbers(await model.trace({ x }, () => save(model.layer1.output * helper()))),
  ];
  expect(await all()).toEqual([scaled(1), scaled(1), scaled(0), scaled(1)]);
  cfg.by = 2;
  list[0] = 2;
  index.data[0] = 2n;
  by = 2;
  expect(await all()).toEqual([scaled(2), scaled(2), scaled(2), scaled(2)]);
});

it('not where a tensor around it is asked for its elements', async () => {
  const steer = filled(1);
  const first = (t: Tensor) => t.data[0]!;
  const all = async () => [
    numbers(await model.trace({ x }, () => save(model.layer1.output * steer.item()))),
    numbers(await model.trace({ x }, () => save(model.layer1.output * first(steer)))),
    numbers(await model.trace({ x }, () => save(model.layer1.output.mul(stack([steer, steer])[0]!)))),
    numbers(await model.trace({ x }, () => save(model.layer1.output.add(steer).sub(Tensor.from(steer as never))))),
    numbers(
      await model.trace({ x }, () => {
        const pick = (t: Tensor) => t.data[0]!;
        return save(model.layer1.output * pick(steer));
      }),
    ),
  ];
  expect(await all()).toEqual([scaled(1), scaled(1), scaled(1), expect.anything(), scaled(1)]);
  steer.data[0] = 3;
  const later = await all();
  expect(later).toEqual([scaled(3), scaled(3), scaled(3), expect.anything(), scaled(3)]);
  later[3]!.forEach((one, i) => {
    expect(one).toBeCloseTo(numbers(hidden)[i]!, 5);
  });
});

it('not in an edited model, and again without its edits', async () => {
  const block = () => save(model.layer1.output);
  const run = async () => numbers(await model.trace({ x }, block));
  expect(await run()).toEqual(scaled(1));
  const steer = filled(1);
  model.edit(
    () => {
      model.layer1.output = model.layer1.output + steer;
    },
    { inplace: true },
  );
  expect(await run()).toEqual(moved(1));
  model.clearEdits();
  expect(await run()).toEqual(scaled(1));
  expect(found()).toEqual([false, false, true]);
});

it('a parameter that is trained is not data', async () => {
  const weight = new Parameter(zeros(1) as unknown as Tensor);
  const run = async () => numbers(await model.trace({ x }, () => save(model.layer1.output + weight)));
  expect(await run()).toEqual(scaled(1));
  weight.data[0] = 2;
  expect(await run()).toEqual(moved(2));
});

it('numbers that the code itself says', async () => {
  for (let i = 0; i < 2; i++) {
    const result = await model.trace({ x }, () => save(model.layer1.output * 0 + arange(10)));
    expect(numbers(result).slice(0, 10)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  }
});

it('an error in a block comes each time', async () => {
  for (let i = 0; i < 3; i++) {
    const width = i === 1 ? 10 : 7;
    const steer = new Tensor('float32', [width], new Float32Array(width));
    const run = model.trace({ x }, () => save(model.layer1.output + steer));
    if (width === 10) expect(numbers(await run)).toEqual(scaled(1));
    else await expect(run).rejects.toThrow('known-blocks.test.ts');
  }
});
