import { gt, mean, pure, save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { tokensOf } from '../../runtime/operators/code-tokens.ts';
import { PlainCode } from '../../runtime/operators/plain-code.ts';
import * as helpers from './plain-helpers.ts';
import { small, traced } from './support.ts';

/* Helpers that were not compiled, as those of other files: to JavaScript a value of a trace is true, and like no other. */

const TRACED = Symbol('a value of the trace');
const holds = (value: unknown): boolean =>
  value === TRACED ||
  (Array.isArray(value) && value.some(holds)) ||
  (typeof value === 'object' && value !== null && Object.values(value).some(holds));
const question = (text: string, ...values: unknown[]) => new PlainCode(text).question(undefined, values, holds);

describe('a function that was not compiled asks what only the run knows', () => {
  it.each([
    ['(c, a, b) => c ? a : b', [TRACED]],
    ['(c, a, b) => { if (c) return a; return b; }', [TRACED]],
    ['function f(c) { return !c; }', [TRACED]],
    ['(c, a) => c && a', [TRACED]],
    ['(c, a) => c || a', [TRACED]],
    ['(c) => c === 1', [TRACED]],
    ['(a, c) => a !== c', [1, TRACED]],
    ["(c) => typeof c === 'number'", [TRACED]],
    ['(c) => { switch (c) { case 1: return 2; } }', [TRACED]],
    ['(c) => { while (c) { c = c.next; } }', [TRACED]],
    ['(c) => { for (let i = 0; c; i++) break; }', [TRACED]],
    ['({ c }) => c ? 1 : 2', [{ c: TRACED }]],
    ['(o) => o.c ? 1 : 2', [{ c: TRACED }]],
    ['(...all) => all[0] ? 1 : 2', [1, TRACED]],
    ['(list) => list.map((v) => v ? 1 : 0)', [[TRACED]]],
    ['(list) => { for (const v of list) if (v) return v; }', [[TRACED]]],
    ['(list) => list.filter(Boolean)', [[TRACED]]],
    ['(list, c) => list.includes(c)', [[1], TRACED]],
    ['(m, c) => m.get(c)', [new Map(), TRACED]],
    ['(x) => { const c = gt(x, 1); return c ? 1 : 2; }', [TRACED]],
    ['(x) => gt(x, 1) ? 1 : 2', [TRACED]],
    ['(x) => { let last; last = x; return last ? 1 : 2 }', [TRACED]],
    ['(x) => { const kept = []; kept.push(x); if (kept[0]) return 1; }', [TRACED]],
    ['(x) => `$' + '{x ? 1 : 2}`', [TRACED]],
    ['() => lm.transformer.h[0].output[0] ? 1 : 2', []],
    ['async (c) => (await c) ? 1 : 2', [TRACED]],
    ['class A { constructor(c) { this.v = c ? 1 : 2; } }', [TRACED]],
    ['m(c) { return c ? 1 : 2; }', [TRACED]],
    ['(c) => Number.isFinite(c)', [TRACED]],
    ['(c) => Object.is(c, 1)', [TRACED]],
    ['(c) => c instanceof Object', [TRACED]],
    ['(list) => list.filter((v) => v)', [[TRACED]]],
    ['(list) => list.find(function (v) { return v && 1; })', [[TRACED]]],
    ['(list) => list.some((v) => { if (1) { return v; } return 0; })', [[TRACED]]],
    ['(c, names) => names.every(() => c)', [TRACED, [1]]],
    ['(c) => { const ask = (v) => v ? 1 : 2; return ask(c); }', [TRACED]],
    ['(c) => { function ask(v) { return v ? 1 : 2; } return ask(c); }', [TRACED]],
    ['(c) => { const ask = async v => !v; return ask(1, c); }', [TRACED]],
  ])('%s', (text, values) => {
    expect(question(text, ...values)).not.toBeNull();
  });
});

describe('a function that was not compiled and only hands values on, or asks what is known', () => {
  it.each([
    ['(x) => mean(x, -1)', [TRACED]],
    ['(x, flag) => flag ? mean(x) : x', [TRACED, true]],
    ['(x, mask) => mask === undefined ? x : mul(x, mask)', [TRACED, TRACED]],
    ['(x, { dim = -1, on = true } = {}) => on && dim !== 2 ? mean(x, dim) : x', [TRACED, { dim: 1 }]],
    ['(o) => o.on ? mean(o.x) : o.x', [{ x: TRACED, on: true }]],
    ['(x) => x.shape.length === 3 ? x[0] : x', [TRACED]],
    ['(x) => { const [b, t] = x.shape; if (b === 1) return x; return t; }', [TRACED]],
    ["(x) => x.dtype === 'float32' && !x.shape[0] ? x : x.float()", [TRACED]],
    ['(x) => Array.isArray(x) ? x[0] : x', [[TRACED]]],
    ["(x) => typeof x === 'string' ? 1 : x", [TRACED]],
    ["(x) => x instanceof Tensor || isFilled(x) ? save(x) : typeof x !== 'object' || x === null ? 1 : x", [TRACED]],
    ['(x) => (0, kinds.isFilled)(x) ? (0, onnsight.mean)(x) : x', [TRACED]],
    ['(x) => x ?? 1', [TRACED]],
    ['(x) => x?.mean()', [TRACED]],
    ['(xs) => { const all = []; for (let i = 0; i < xs.length; i++) all.push(mean(xs[i])); return all; }', [[TRACED]]],
    ['(xs) => xs.map((x, i) => add(x, i))', [[TRACED]]],
    ['(xs, names) => names.filter((name) => name !== 1).map((name) => name ? xs[name] : 0)', [[TRACED], ['a']]],
    ["(x) => /a?b/.test('c?d') ? x : x", [TRACED]],
    ['(x) => { /* x ? */ // if (x)\n return x; }', [TRACED]],
    ['(c, a, b) => c ? a : b', [true, TRACED, TRACED]],
    ['(layer, i) => i === 0 ? layer.input : layer.output', [{}, 0]],
    ['(x, names) => names.filter((name) => name).map((name) => mean(x, name))', [TRACED, [1]]],
    ['(x, names) => names.filter((name) => { return name > 1; }).length', [TRACED, [1]]],
    ['(x, n) => Number.isInteger(n) && n instanceof Object ? x : mean(x)', [TRACED, 1]],
    ['(x, flag) => { const pick = (f) => f ? 1 : 2; mean(x); return pick(flag); }', [TRACED, true]],
    ['class A { v; m() { return this.v ? 1 : 2; } constructor(c) { this.v = c; } }', [TRACED]],
  ])('%s', (text, values) => {
    expect(question(text, ...values)).toBeNull();
  });
});

/** The helpers of another file by their names. */
const helped: Readonly<Record<string, unknown>> = { ...helpers };

/** To which function by a name, of which nothing else is known, one hands a value of the trace. */
const handedTo = (text: string, ...values: unknown[]) => {
  const others = { of: () => null, named: (name: string) => ({ handedTo: name }) };
  return new PlainCode(text).question(undefined, values, holds, others);
};

describe('a function that was not compiled hands a value to one of its file', () => {
  it.each([
    ['(x) => ask(x)'],
    ['x=>ask(x)'],
    ['(x) => ask(1, { x })'],
    ['(x) => ask?.(x)'],
    ['(x) => ask.call(null, x)'],
    ['(x) => (0, ask_1.ask)(x)'],
    ['(x) => (0,__vi_import_0__.ask)(x)'],
    ['(x) => 1 + ask(mul(x.mean(), 2))'],
    ['(x) => { const list = [x]; return list.map(ask); }'],
    ['(x) => new ask(x)'],
    ['(x) => { const inner = __name((v) => ask(v), "inner"); return inner(x); }'],
    ['class A { constructor(x) { this.v = ask(x); } }'],
  ])('%s', (text) => {
    expect(handedTo(text, TRACED)).toEqual({ handedTo: 'ask' });
  });

  it.each([
    ['(x) => ask(x.shape, 1)'],
    ['(x) => x.ask(x)'],
    ['(x) => { const ask = (v) => v; return ask(x); }'],
    ['(x) => { function ask(v) { return v; } return ask(x); }'],
    ['(x) => ({ ask(v) { return v; } })'],
    ['(x, ask) => ask(x)'],
    ['(x, { ask }) => ask(x)'],
    ['(x) => model.ask(x)'],
    ['(a)=>b(a)'],
    ['(x) => __o.call(ask, undefined, [x], __s[0])'],
  ])('not %s', (text) => {
    expect(handedTo(text, TRACED)).toBeNull();
  });
});

it('a function that keeps its name by the bundler is followed', () => {
  expect(question('(c) => { const ask=__name(v=>v?1:2,"ask"); return ask(c); }', TRACED)).toBe('v ?');
});

it('the text of a function is taken apart', () => {
  const filled = (text: string) => `\`x$\{${text}}z\``;
  expect(tokensOf(`(a) => a / 2 / b + /[/"]?/.exec(${filled(filled('a'))})?.[0]`).join(' ')).toBe(
    '( a ) => a / 2 / b + /[/"]?/ . exec ( `` + ( `` + ( a ) ) ) ?. [ 0 ]',
  );
});

const plain = {
  pick: (c: unknown, a: number, b: number) => {
    'use no trace';
    return c ? a : b;
  },
  twice: (f: (c: number, a: number, b: number) => number, x: number) => {
    'use no trace';
    return f(x, 1, 2);
  },
  second: (x: number, flag: number) => {
    'use no trace';
    return flag ? x : 0;
  },
  either: (x: unknown) => {
    'use no trace';
    return (x as number) === 0;
  },
  ask(this: { readonly open?: unknown }) {
    'use no trace';
    return this.open ? 1 : 2;
  },
  hand: (x: number) => {
    'use no trace';
    return mean(gt(x, 1).float());
  },
};

describe('in a block', () => {
  const fails = async (trace: Promise<unknown>, says: RegExp): Promise<void> => {
    const error = await trace.then(
      () => null,
      (reason: Error) => reason,
    );
    expect(error?.message).toMatch(says);
    expect(error?.message).toMatch(/^test\/meaning\/plain-code\.test\.ts:\d+:\d+ - /);
  };

  it('a condition is an error at the line', () =>
    fails(
      small.trace(() => save(plain.pick(traced(0), 1, 2))),
      /function pick was not compiled.*\(c \?\).*'use trace'/,
    ));

  it('so is an equality', () =>
    fails(
      small.trace(() => save(plain.either(traced(0)) ? 1 : 2)),
      /function either was not compiled.*===/,
    ));

  it('so is one in a function that JavaScript calls', () =>
    fails(
      small.trace(() => [traced(0), traced(1)].map(plain.either as never).length),
      /function either was not compiled/,
    ));

  it('so is one in a function that it is given, where it hands a value on', async () => {
    const { twice, pick } = plain;
    await fails(
      small.trace(() => save(twice(pick, traced(0)))),
      /function twice was not compiled.*\(c \?\)/,
    );
    expect(await small.trace(() => save(twice(plain.second, traced(3))))).toBe(3);
  });

  it('so is one of what the receiver holds', () =>
    fails(
      small.trace(() => {
        const gate = { open: traced(0), ask: plain.ask };
        return save(gate.ask());
      }),
      /function ask was not compiled.*this\.open \?/,
    ));

  it.each(['hand', 'each', 'called'])('what hands a value to another of its file is one, too: %s', (name) => {
    const fn = helped[name] as (value: unknown) => number;
    return fails(
      small.trace(() => save(fn(name === 'each' ? [traced(0)] : traced(0)))),
      new RegExp(`function ${name} was not compiled and hands a value of the trace to choose,.*'use trace'`),
    );
  });

  it('an object that a function is given is asked for what it calls', () =>
    fails(
      small.trace(() => save(helpers.of({ choose: helpers.choose }, traced(0)))),
      /function of was not compiled.*\(c \?\)/,
    ));

  it('what is handed on may be known, or to what is compiled', async () => {
    const decide = (c: unknown) => {
      'use trace';
      return c ? 1 : 2;
    };
    helpers.setDecide(decide);
    expect(await small.trace(() => [helpers.sized(traced(0) as never), save(helpers.known(traced(0)))])).toEqual([
      1, 2,
    ]);
    expect(await small.trace(() => save(helpers.twice(traced(3) as never) as number))).toBe(6);
  });

  it('other functions are called', async () => {
    const pick = pure(plain.pick);
    expect(
      await small.trace(() => [
        save(plain.hand(traced(2))),
        save(plain.pick(true, traced(1), traced(2))),
        pick(1, 2, 3),
      ]),
    ).toEqual([1, 1, 2]);
  });
});
