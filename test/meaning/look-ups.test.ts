import { save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { model, small, traced, tracedInt } from './support.ts';

describe('typeof', () => {
  it('a traced number is a number, a truth value a boolean, a tensor with dimensions an object', async () => {
    const found = await small.trace(() => {
      const t = traced(2);
      const kinds = [typeof t, typeof (t > 1), typeof model.layer1.output, typeof save(t), typeof 2, typeof undefined];
      return kinds.map((kind) => save(kind === 'number' ? 1 : kind === 'boolean' ? 2 : kind === 'object' ? 3 : 0));
    });
    expect(found).toEqual([1, 2, 3, 1, 1, 0]);
  });

  it('decides while the block is built', async () => {
    const double = (x: unknown): number => {
      'use trace';
      return typeof x === 'number' ? x * 2 : 0;
    };
    expect(await small.trace(() => save(double(traced(2))))).toBe(4);
  });
});

const INDEX_OF = 'indexOf';

describe('a search in a list compares values when the model runs', () => {
  it.each([
    ['includes', true, () => small.trace(() => save([1, 2, 3].includes(traced(2))))],
    ['includes, not there', false, () => small.trace(() => save([1, 2, 3].includes(traced(4))))],
    ['includes in a condition', 1, () => small.trace(() => save([1, 2, 3].includes(traced(2)) ? 1 : 0))],
    ['a number among traced ones', true, () => small.trace(() => save([traced(1), traced(2)].includes(2 as never)))],
    ['traced among traced and plain ones', 1, () => small.trace(() => save([1, traced(2)].indexOf(traced(2))))],
    ['includes NaN', true, () => small.trace(() => save([1, Number.NaN].includes(traced(Number.NaN))))],
    ['indexOf NaN', -1, () => small.trace(() => save([1, Number.NaN].indexOf(traced(Number.NaN))))],
    ['indexOf', 1, () => small.trace(() => save([1, 2, 2].indexOf(traced(2))))],
    ['indexOf, not there', -1, () => small.trace(() => save([1, 2, 2].indexOf(traced(5))))],
    ['indexOf from 2', 2, () => small.trace(() => save([2, 1, 2].indexOf(traced(2), 1)))],
    ['indexOf from -1', -1, () => small.trace(() => save([2, 1, 3].indexOf(traced(2), -1)))],
    ['lastIndexOf', 2, () => small.trace(() => save([1, 2, 2].lastIndexOf(traced(2))))],
    ['lastIndexOf from 1', 1, () => small.trace(() => save([1, 2, 2].lastIndexOf(traced(2), 1)))],
    ['a text is not a number', 2, () => small.trace(() => save(['2', null, 2, undefined].indexOf(traced(2) as never)))],
    ['a truth value is not a number', 1, () => small.trace(() => save([true, 1].indexOf(traced(1) as never)))],
    ['a traced truth value', 1, () => small.trace(() => save([1, true].indexOf((traced(1) > 0) as never)))],
    ['a text among traced numbers', 1, () => small.trace(() => save([traced(2), 'a'].indexOf('a') as number))],
    ['nothing alike', -1, () => small.trace(() => save(['a', null].indexOf(traced(1) as never) as number))],
    ['in a typed array', 2, () => small.trace(() => save(Float32Array.of(1, 2, 3).indexOf(traced(3))))],
    ['by another way', 1, () => small.trace(() => save([1, 2, 3][INDEX_OF](traced(2))))],
    ['through ?.', 1, () => small.trace(() => save([1, 2, 3]?.indexOf(traced(2))))],
    ['Set.has', true, () => small.trace(() => save(new Set([2]).has(traced(2))))],
    ['Map.has', false, () => small.trace(() => save(new Map([[2, 5]]).has(traced(3))))],
    ['at', 20, () => small.trace(() => save([10, 20, 30].at(tracedInt(1)) as number))],
    [
      'plain values as ever',
      [1, 2, -1],
      () => small.trace(() => [save([1, 2].indexOf(2)), save(new Map([[1, 2]]).get(1)!), save(['a'].indexOf('b'))]),
    ],
  ])('%s', async (_, wanted, trace) => {
    expect(await trace()).toEqual(wanted);
  });
});

describe('what would go by identity is an error at its line', () => {
  it.each([
    [
      /Map\.get\(\) is given a traced tensor as a key/,
      () => small.trace(() => save(new Map([[Number.NaN, 5]]).get(traced(2)) ?? -1)),
    ],
    [/Map\.set\(\)/, () => small.trace(() => void new Map<number, number>().set(traced(2), 1))],
    [/Map\.delete\(\)/, () => small.trace(() => void new Map([[2, 5]]).delete(traced(2)))],
    [/Set\.add\(\)/, () => small.trace(() => void new Set<number>().add(traced(2)))],
    [/Set\.delete\(\)/, () => small.trace(() => void new Set([2]).delete(traced(2)))],
    [/A Set is given/, () => small.trace(() => save(new Set([traced(1), traced(1)]).size))],
    [/A Map is given/, () => small.trace(() => save(new Map([[traced(1), 2]]).size))],
    [/WeakMap\.set\(\)/, () => small.trace(() => void new WeakMap().set(traced(1) as never, 1))],
    [/look-ups compare numbers/, () => small.trace(() => save([1, 2].includes(model.layer1.output)))],
    [/indexOf\(\) begins at a traced position/, () => small.trace(() => save([1, 2].indexOf(traced(1), tracedInt(1))))],
    [/new Boolean\(\) is given/, () => small.trace(() => save(new Boolean(traced(0)).valueOf()))],
    [/new Array\(\) is given a traced tensor/, () => small.trace(() => save(new Array(traced(3)).length))],
    [/Array\(\) is given a traced tensor/, () => small.trace(() => save(Array(traced(3)).length))],
    [/Array\.from\(\) is given/, () => small.trace(() => save(Array.from({ length: traced(3) }).length))],
  ])('%s', async (says, trace) => {
    const error = await trace().then(
      () => expect.fail('nothing was wrong'),
      (error: Error) => error,
    );
    expect(error.message).toMatch(/^test\/meaning\/look-ups\.test\.ts:\d+:\d+ - /);
    expect(error.message).toMatch(says);
  });
});

const { abs, max } = Math;
const ABS = 'abs';

describe('functions of Math under other names', () => {
  it.each([
    ['handed to map', [1, 2], () => small.trace(() => [traced(-1), traced(-2)].map(Math.abs).map((q) => save(q)))],
    ['handed to Array.from', [1], () => small.trace(() => Array.from([traced(-1)], Math.abs).map((q) => save(q)))],
    [
      'taken out of Math in the block',
      2,
      () =>
        small.trace(() => {
          const { max } = Math;
          return save(max(traced(1), traced(2)));
        }),
    ],
    [
      'taken out of Math outside',
      [2, 3],
      () => small.trace(() => [save(max(traced(1), traced(2))), save(abs(traced(-3)))]),
    ],
    [
      'by another name',
      3,
      () =>
        small.trace(() => {
          const M = Math;
          return save(M.abs(traced(-3)));
        }),
    ],
    ['by key', 3, () => small.trace(() => save(Math[ABS](traced(-3))))],
  ])('%s', async (_, wanted, trace) => {
    expect(await trace()).toEqual(wanted);
  });
});

it('functions of JavaScript that decide by values are followed where arrays call them', async () => {
  const found = await small.trace(() => [
    save([traced(0), traced(1)].filter(Boolean).length),
    save([traced(0)].map(Boolean).length),
    save([traced(0.5), traced(0)].some(Number.isInteger)),
    save([traced(0.5)].some(Number.isInteger)),
  ]);
  expect((found as unknown[]).map(Number)).toEqual([1, 1, 1, 0]);
});

describe('a function that changes the array that it searches is an error at its line', () => {
  const list = (): number[] => {
    'use trace';
    return [traced(5), 9, 9];
  };
  const wanted = /array is changed by the function or loop that goes through it/;

  it.each([
    ['find', () => small.trace(() => [list()].map((xs) => save(xs.find((v) => v < xs.unshift(0)) ?? 0)))],
    ['findLast', () => small.trace(() => [list()].map((xs) => save(xs.findLast((v) => v < xs.unshift(0)) ?? 0)))],
    ['findLastIndex', () => small.trace(() => [list()].map((xs) => save(xs.findLastIndex((v) => v < xs.unshift(0)))))],
    ['filter', () => small.trace(() => [list()].map((xs) => save(xs.filter((v) => v < xs.unshift(0)).length)))],
    ['some', () => small.trace(() => [list()].map((xs) => save(xs.some((v) => v < xs.unshift(0)))))],
    [
      'of plain values',
      () => small.trace(() => [[5, 5]].map((xs) => save(xs.findLast((v) => v < xs.unshift(1)) ?? 0))),
    ],
  ])('%s', (_, trace) => expect(trace()).rejects.toThrow(wanted));
});

it.each([
  ['in the list', () => small.trace(() => save(([traced(2) > 1 || traced(7)] as unknown[]).includes(true)))],
  ['looked up', () => small.trace(() => save([1, true].indexOf((traced(2) > 1 || traced(7)) as never)))],
])('what is a number or a truth value, %s, is neither: an error', async (_, trace) => {
  await expect(trace()).rejects.toThrow(
    /look-ups\.test\.ts:\d+:\d+ - A look-up is asked of a value that is a number on one/,
  );
});

it('a traced number is made by Number, a truth value by Boolean', async () => {
  const found = await small.trace(() => {
    const t = traced(2) as unknown as object;
    const truth = (traced(2) > 1) as unknown as object;
    return [save(t.constructor === Number), save(truth.constructor === Boolean), save(truth.constructor === Number)];
  });
  expect(found).toEqual([true, true, false]);
});

it.each([
  ['of itself', () => small.trace(() => save(traced(2).toLocaleString().length))],
  ['of an array', () => small.trace(() => save([traced(2)].toLocaleString().length))],
])('a text for readers, %s, is an error', async (_, trace) => {
  await expect(trace()).rejects.toThrow(/look-ups\.test\.ts:\d+:\d+ - .*text/);
});
