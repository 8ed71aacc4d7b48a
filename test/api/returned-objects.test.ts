/** What a block returns beside its saves comes back as JavaScript has it: a function that returns it says what is right. */
import { NNsight, save, Tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { modelPath } from '../support/fixtures.ts';

const model = await NNsight.load(modelPath('zoo/mlp', 'ts'), { device: 'cpu' });
const x = new Tensor('float32', [1, 5], new Float32Array(5));
/** A number that is saved in a block, and itself where no block runs. */
const of = (value: number, isTraced: boolean): unknown => {
  'use trace';
  return isTraced ? save(model.layer1.output['0, 0'] * 0 + value) : value;
};

const KEY = Symbol('key');
const FROM_OUTSIDE = { list: [1], deep: { n: 2 } };

/** What is returned, and what a program may ask of it. */
const CASES: Readonly<Record<string, readonly [make: (isTraced: boolean) => unknown, ask: (given: never) => unknown]>> =
  {
    'under a symbol': [(t) => ({ [KEY]: of(1, t) }), (o: { [KEY]: unknown }) => o[KEY]],
    'with a hidden property': [
      (t) => Object.defineProperty({ s: of(1, t) }, 'h', { value: of(5, t), configurable: true }),
      (o: { s: unknown; h: unknown }) => [o.s, o.h, Object.keys(o)],
    ],
    'an array with a member': [
      (t) => Object.assign([of(1, t), 2], { k: of(5, t), l: 6 }),
      (o: unknown[] & { k: unknown; l: unknown }) => [o[0], o[1], o.length, o.k, o.l],
    ],
    'without a prototype': [
      (t) => Object.assign(Object.create(null) as object, { s: of(1, t) }),
      (o: { s: unknown }) => [Object.getPrototypeOf(o), o.s],
    ],
    frozen: [
      (t) => Object.freeze({ s: of(1, t), l: Object.freeze([of(2, t)]) }),
      (o: { s: unknown; l: unknown[] }) => [Object.isFrozen(o), o.s, Object.isFrozen(o.l), o.l],
    ],
    sealed: [
      (t) => Object.seal({ s: of(1, t) }),
      (o: { s: unknown }) => [Object.isFrozen(o), Object.isSealed(o), Object.assign(o, { s: 3 })],
    ],
    'with a getter': [
      (t) => ({
        n: 1,
        s: of(1, t),
        get twice() {
          return (this as unknown as { n: number }).n * 2;
        },
      }),
      (o: { n: number; s: unknown; twice: number }) => [o.s, o.twice, ++o.n, o.twice],
    ],
    'objects from outside': [
      (t) => ({ s: of(1, t), outside: FROM_OUTSIDE, list: [FROM_OUTSIDE.deep] }),
      (o: { outside: typeof FROM_OUTSIDE; list: unknown[] }) => [
        o.outside === FROM_OUTSIDE,
        o.outside.list === FROM_OUTSIDE.list,
        o.list[0] === FROM_OUTSIDE.deep,
      ],
    ],
    'one from outside alone': [() => FROM_OUTSIDE, (o) => o === FROM_OUTSIDE],
    'in itself': [
      (t) => {
        const o: Record<string, unknown> = { s: of(1, t), plain: { n: 1 } };
        o.self = o;
        o.list = [o, o.plain];
        return o;
      },
      (o: { s: unknown; self: unknown; list: unknown[]; plain: unknown }) => [
        o.s,
        o.self === o,
        o.list[0] === o,
        o.list[1] === o.plain,
      ],
    ],
  };

const plain = (value: unknown): unknown => {
  if (value instanceof Tensor) return value.item();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plain(field)]));
};

describe('a block returns', () => {
  it.each(Object.entries(CASES))('%s', async (_, [make, ask]) => {
    const expected = plain(ask(make(false) as never));
    // Again, as a recording that is found gives it.
    for (let i = 0; i < 3; i++) {
      const given = await model.trace({ x }, () => make(true));
      expect(plain(ask(given as never))).toEqual(expected);
    }
  });

  it('no tensor that is not saved, wherever it stands', async () => {
    const unsaved = model.trace({ x }, () => ({ [KEY]: model.layer1.output }));
    await expect(unsaved).rejects.toThrow('the result[Symbol(key)] is a traced tensor that is not saved');
  });

  it('what is its own each time', async () => {
    const run = () => model.trace({ x }, () => ({ s: save(model.layer1.output), own: { list: [1] } }));
    const [first, second, third] = [await run(), await run(), await run()];
    first.own.list.push(2);
    second.own.list.push(3);
    expect([first.own.list, second.own.list, third.own.list, (await run()).own.list]).toEqual([
      [1, 2],
      [1, 3],
      [1],
      [1],
    ]);
  });
});
