/** What a block takes from around it: found again where all of it is the same, and the same numbers as recorded anew. */
import { type Envoy, intervention, NNsight, save, Tensor } from 'onnsight';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KnownBlocks } from '../../runtime/api/known-blocks.ts';
import { modelPath } from '../support/fixtures.ts';

const model = await NNsight.load(modelPath('zoo/mlp', 'ts'), { device: 'cpu' });
const x = new Tensor(
  'float32',
  [2, 5],
  Float32Array.from({ length: 10 }, (_, i) => i / 10),
);
const filled = (...values: number[]) => new Tensor('float32', [values.length], Float32Array.from(values));
const numbers = (tensor: unknown) => Array.from((tensor as Tensor).data as ArrayLike<number>);
const { hidden } = await model.trace({ x }, () => ({ hidden: save(model.layer1.output) }));
const scaled = (by: number) => numbers(hidden).map((one) => Math.fround(one * by));

let find = vi.spyOn(KnownBlocks.prototype, 'find');
beforeEach(() => {
  find = vi.spyOn(KnownBlocks.prototype, 'find');
});
afterEach(() => find.mockRestore());
const found = () => find.mock.results.map(({ value }) => value !== null);

/** A trace, what its block takes from around it, and how that changes between its runs. */
interface Case<T> {
  readonly make: () => T;
  readonly trace: (state: T) => Promise<unknown>;
  readonly changes: ((state: T) => void)[];
}

const one = <T>(make: () => T, trace: (state: T) => Promise<unknown>, ...changes: ((state: T) => void)[]): Case<T> => ({
  make,
  trace,
  changes,
});

/** What the block gives, run twice before and after each change. */
async function results<T>({ make, trace, changes }: Case<T>): Promise<unknown[]> {
  const state = make();
  const all: unknown[] = [];
  for (const change of [() => {}, ...changes]) {
    change(state);
    for (let i = 0; i < 2; i++) {
      try {
        all.push(plain(await trace(state)));
      } catch (error) {
        all.push((error as Error).message);
      }
    }
  }
  return all;
}

function plain(value: unknown): unknown {
  if (value instanceof Tensor) return numbers(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, plain(entry)]));
}

const by = (value: number) => {
  'use trace';
  return save(model.layer1.output * value);
};

/** Found again before and after each change. */
const FOUND: Record<string, Case<never>> = {
  'an object': one(
    () => ({ by: 1 }),
    (o) => model.trace({ x }, () => save(model.layer1.output * o.by)),
    (o) => {
      o.by = 2;
    },
  ),
  'an array': one(
    () => [1, 2],
    (list) => model.trace({ x }, () => list.map((value) => save(model.layer1.output * value))),
    (list) => list.push(3),
    (list) => list.reverse(),
  ),
  'objects in arrays': one(
    () => [{ name: 'layer1', at: [0, 1] }],
    (list) =>
      model.trace({ x }, () =>
        list.map(({ name, at: [, second] }) =>
          save(((model as unknown as Record<string, Envoy>)[name]!.output as never as number) * second!),
        ),
      ),
    ([first]) => {
      first!.at[1] = 4;
    },
    (list) => list.push({ name: 'layer2', at: [0, 2] }),
  ),
  'keys of an object': one(
    (): Record<string, number> => ({ a: 1 }),
    (o) => model.trace({ x }, () => save(model.layer1.output * Object.keys(o).length)),
    (o) => {
      o.b = 1;
    },
    (o) => {
      delete o.a;
    },
  ),
  'the order of keys': one(
    (): Record<string, number> => ({ a: 1, b: 2 }),
    (o) => model.trace({ x }, () => save(model.layer1.output * Object.values(o)[0]!)),
    (o) => {
      delete o.a;
      o.a = 1;
    },
  ),
  'what is the same one': one(
    () => {
      const shared = { n: 1 };
      return { a: shared, b: shared };
    },
    (o) => model.trace({ x }, () => by(o.a === o.b ? 1 : 2)),
    (o) => {
      o.b = { n: 1 };
    },
  ),
  'tensors in an array': one(
    () => [filled(1), filled(2)],
    (list) => model.trace({ x }, () => save(model.layer1.output.mul(list[0]!).add(list[1]!))),
    ([first]) => {
      first!.data[0] = 5;
    },
    (list) => list.reverse(),
    (list) => {
      list[0] = list[1]!;
    },
  ),
  'tensors of another trace, by name': one(
    () => ({ clean: { hidden: [filled(1), filled(2)] }, at: 0 }),
    (o) =>
      model.trace({ x }, () => {
        const { clean, at } = o;
        model.layer1.output = model.layer1.output.mul(clean.hidden[at]!);
        return save(model.layer2.output);
      }),
    (o) => {
      o.at = 1;
    },
    (o) => {
      o.clean = { hidden: [filled(3), filled(4)] };
    },
  ),
  'a part of a tensor': one(
    () => ({ t: filled(1, 2, 3), at: 0 }),
    ({ t, at }) => model.trace({ x }, () => save(model.layer1.output.mul(t[at]!).add(t['1:2']).add(t['::2'][1]))),
    ({ t }) => {
      t.data[0] = 7;
    },
    ({ t }) => {
      t.data[2] = 7;
    },
  ),
  'the rows of a tensor': one(
    () => filled(1, 2),
    (t) => model.trace({ x }, () => [...t].map((row) => save(model.layer1.output.mul(row as never)))),
    (t) => {
      t.data[1] = 9;
    },
  ),
  'the dims of a tensor': one(
    () => [filled(1, 2)],
    (list) => model.trace({ x }, () => by(list[0]!.dims[0]! + list[0]!.shape.length + list[0]!.ndim)),
    (list) => {
      list[0] = filled(1, 2, 3);
    },
  ),
  'a text with a value': one(
    () => ({ at: 1 }),
    (o) => model.trace({ x }, () => save(model.layer1.output[`:, ${o.at}`])),
    (o) => {
      o.at = 2;
    },
  ),
  'what frozen objects hold': one(
    () => Object.freeze({ list: Object.freeze([2, 3]) }),
    (o) => model.trace({ x }, () => by(o.list[1]!)),
  ),
  'an object without a prototype': one(
    () => Object.assign(Object.create(null) as { by: number }, { by: 2 }),
    (o) => model.trace({ x }, () => by(o.by)),
  ),
} as never;

const helper = (value: number) => by(value);
let outer = 1;
const withOuter = (list: readonly number[]) => helper(list[outer]!);
FOUND['functions, with what they take'] = one(
  () => ({ list: [1, 2, 3] }),
  ({ list }) => model.trace({ x }, () => withOuter(list)),
  () => {
    outer = 2;
  },
  ({ list }) => {
    list[2] = 9;
  },
) as never;

/** Right each time, whether it is found again or not. */
const RIGHT: Record<string, Case<never>> = {
  'getters that count': one(
    () => {
      let n = 0;
      return {
        get by() {
          return ++n;
        },
      };
    },
    (o) => model.trace({ x }, () => by(o.by)),
  ),
  'proxies that count': one(
    () => {
      let n = 0;
      return new Proxy([0], { get: (list, key) => (key === '0' ? ++n : Reflect.get(list, key)) });
    },
    (o) => model.trace({ x }, () => by(o[0]!)),
  ),
  'objects of classes': one(
    () =>
      new (class {
        n = 1;
        get by() {
          return this.n;
        }
      })(),
    (o) => model.trace({ x }, () => by(o.by)),
    (o) => {
      o.n = 2;
    },
  ),
  maps: one(
    () => new Map([['a', 1]]),
    (o) => model.trace({ x }, () => by(o.get('a')!)),
    (o) => o.set('a', 2),
  ),
  sets: one(
    () => new Set([1]),
    (o) => model.trace({ x }, () => by([...o].length)),
    (o) => o.add(2),
  ),
  'typed arrays': one(
    () => Float32Array.of(1),
    (o) => model.trace({ x }, () => save(model.layer1.output * o[0]! + model.layer1.output.mul(o as never))),
    (o) => {
      o[0] = 2;
    },
  ),
  'whole numbers in tensors': one(
    () => [new Tensor('int64', [1], BigInt64Array.of(1n))],
    (list) => model.trace({ x }, () => save(model.layer1.output[':, 1'].add(list[0] as never))),
    ([t]) => {
      t!.data[0] = 2n;
    },
  ),
  holes: one(
    () => [1, undefined, 3] as number[],
    (list) => model.trace({ x }, () => by(Object.keys(list).length + (1 in list ? 1 : 0))),
    (list) => {
      list[1] = 2;
    },
  ),
  'members of arrays': one(
    () => Object.assign([1], { by: 2 }),
    (list) => model.trace({ x }, () => by(list.by)),
    (list) => {
      list.by = 3;
    },
  ),
  'members of functions': one(
    () => Object.assign((value: number) => value, { by: 2 }),
    (f) => model.trace({ x }, () => by(f.by)),
    (f) => {
      f.by = 3;
    },
  ),
  'members of tensors': one(
    () => Object.assign(filled(1), { by: filled(2) }),
    (t) => model.trace({ x }, () => save(model.layer1.output.mul(t.by))),
    (t) => {
      t.by = filled(3);
    },
    (t) => {
      t.by.data[0] = 4;
    },
  ),
  'whether it is frozen': one(
    () => ({ by: 1 }),
    (o) => model.trace({ x }, () => by(Object.isFrozen(o) ? 2 : 1)),
    (o) => Object.freeze(o),
  ),
  symbols: one(
    () => ({ [Symbol.iterator]: () => [1, 2].values() }),
    (o) => model.trace({ x }, () => by([...o].length)),
    (o) => {
      o[Symbol.iterator] = () => [1].values();
    },
  ),
  'its own conversion': one(
    () => ({ n: 1, toString: (): string => '1' }),
    (o) => model.trace({ x }, () => save(model.layer1.output[`:, ${o}`])),
    (o) => {
      o.toString = () => '2';
    },
  ),
  'what it inherits': one(
    () => Object.create({ by: 1 }) as { by: number },
    (o) => model.trace({ x }, () => by(o.by)),
    (o) => {
      Object.getPrototypeOf(o).by = 2;
    },
  ),
  'the elements of tensors': one(
    () => ({ t: filled(2) }),
    ({ t }) =>
      model.trace({ x }, () => [
        by(t.item()),
        by(t.data[0]!),
        by(Number(t)),
        by([...t.data].length + (t.toArray() as number[])[0]!),
        by(`${t}`.length),
        by(JSON.parse(JSON.stringify(t)).data[0]),
      ]),
    ({ t }) => {
      t.data[0] = 333;
    },
  ),
  'elements that a pattern takes': one(
    () => ({ t: filled(2) }),
    ({ t: { data } }) => model.trace({ x }, () => by(data[0]!)),
    ({ t }) => {
      t.data[0] = 3;
    },
  ),
  'elements in a pattern of the block': one(
    () => [filled(2)],
    (list) =>
      model.trace({ x }, () => {
        const [{ data }] = list as [Tensor];
        return by(data[0]!);
      }),
    ([t]) => {
      t!.data[0] = 3;
    },
  ),
  'elements of a part': one(
    () => [filled(2, 3)],
    (list) => model.trace({ x }, () => by((list[0]![1] as unknown as Tensor).item())),
    ([t]) => {
      t!.data[1] = 8;
    },
  ),
  'elements that are compared': one(
    () => ({ t: filled(2) as unknown as number }),
    ({ t }) => model.trace({ x }, () => save(model.layer1.output * (t > 2.5 ? 3 : 1))),
    ({ t }) => {
      (t as unknown as Tensor).data[0] = 3;
    },
  ),
  'what it changes': one(
    () => ({ list: [3, 1, 2], o: { n: 1 } as { n: number; m?: number } }),
    ({ list, o }) =>
      model.trace({ x }, () => {
        list.push(list.length);
        list.sort();
        o.n += 1;
        o.m = list[0]!;
        delete o.m;
        return [by(o.n), list.length];
      }),
  ),
  'what it changes by a function of the language': one(
    () => ({ n: 1, list: [1] }),
    (o) =>
      model.trace({ x }, () => {
        Object.assign(o, { n: o.n + 1 });
        o.list.splice(0, 1, o.n);
        return by(o.list[0]! + o.n);
      }),
  ),
  'what it changes by a pattern': one(
    () => ({ n: 1, m: 5 }),
    (o) =>
      model.trace({ x }, () => {
        [o.n, o.m] = [o.m, o.n];
        return by(o.n);
      }),
  ),
  'functions that count': one(
    () => {
      let n = 0;
      return { next: () => ++n };
    },
    (o) => model.trace({ x }, () => by(o.next())),
  ),
  'modules by text': one(
    () => ({ path: 'layer1' }),
    (o) => model.trace({ x }, () => save((model.get(o.path) as unknown as Envoy).output as never)),
    (o) => {
      o.path = 'layer2';
    },
  ),
} as never;

describe.each(Object.entries(FOUND))('%s', (_, given) => {
  it('is found again, and gives what it gives recorded anew', async () => {
    const values = await results(given);
    const again = found();
    find.mockReturnValue(null);
    const saved = outer;
    outer = 1;
    expect(values).toEqual(await results(given));
    outer = saved;
    expect(values.every((value) => typeof value !== 'string')).toBe(true);
    for (let i = 1; i < again.length; i += 2) expect(again.slice(0, i + 1)).toSatisfy((all: boolean[]) => all[i]!);
  });
});

it.each(Object.entries(RIGHT))('%s: what it gives recorded anew', async (_, given) => {
  const values = await results(given);
  find.mockReturnValue(null);
  expect(values).toEqual(await results(given));
});

it('gives objects that it was given as it gives them recorded anew', async () => {
  const cfg = { list: [1] };
  const results = [];
  for (let i = 0; i < 2; i++) results.push(await model.trace({ x }, () => ({ cfg, out: by(cfg.list[0]!) })));
  const [first, second] = results;
  expect(numbers(second!.out)).toEqual(scaled(1));
  expect([second!.cfg === cfg, second!.cfg.list === cfg.list]).toEqual([
    first!.cfg === cfg,
    first!.cfg.list === cfg.list,
  ]);
});

it('records anew what holds more than is worth comparing', async () => {
  const list = Array.from({ length: 1000 }, () => 1);
  for (let i = 0; i < 2; i++) await model.trace({ x }, () => by(list[0]!));
  expect(found()).toEqual([false, false]);
});

describe('interventions', () => {
  const steered = intervention({ by: 'float32', steer: 'float32[10]' }, (mlp: NNsight, { by, steer }) => {
    mlp.layer1.output = mlp.layer1.output * by + steer;
    return save(mlp.layer1.output);
  });
  const scaledBy = (factor: number) =>
    intervention({ by: 'float32' }, (mlp: NNsight, { by }) => save(mlp.layer1.output * (by * factor)));

  it('are found again with other parameters', async () => {
    for (const [factor, moved] of [
      [2, 1],
      [3, 1],
      [3, 5],
    ] as const) {
      const result = await steered(model, { x }, { by: factor, steer: new Array(10).fill(moved) });
      const expected = numbers(hidden).map((one) => Math.fround(Math.fround(one * factor) + moved));
      expect(numbers(result)).toEqual(expected);
    }
    expect(found()).toEqual([false, true, true]);
  });

  it('of a function, by what it is given', async () => {
    const [twice, thrice] = [scaledBy(2), scaledBy(3)];
    const all = [await twice(model, { x }, { by: 1 }), await thrice(model, { x }, { by: 1 })];
    all.push(await twice(model, { x }, { by: 2 }), await thrice(model, { x }, { by: 2 }));
    expect(all.map(numbers)).toEqual([2, 3, 4, 6].map(scaled));
    expect(found()).toEqual([false, false, true, true]);
  });
});
