import { save, TraceError } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { asJavaScript, compile, onTracedValues } from '../compiler/fuzz/ways.ts';
import { expectEqual } from '../control-flow/programs.ts';
import { small, traced } from './support.ts';

/** An object that a branch or loop makes, and nothing else: the best so far. */
it.each([
  [
    'the largest of the rows',
    'let best = null; for (const r of V([1, 5, 3])) { if (best === null || r > best.v) best = { v: r, k: 2 }; } return { n: best.v + best.k };',
  ],
  [
    'with its position',
    'let best, i = 0; for (const r of V([1, 5, 3])) { if (!best || r > best.v) best = { v: r, i }; i++; } return { n: best.v, i: best.i };',
  ],
  [
    'an array',
    'let best = null; for (const r of V([1, 5, 3])) { if (best === null || r > best[0]) best = [r, r * 2]; } return { n: best[0] * 10 + best[1] };',
  ],
  [
    'of an unrolled loop, with a pattern',
    'let best = null; for (const k of [1, 5, 3]) { const v = T(k); if (v > 2 && (!best || v > best.v)) best = { v, k }; } const { v, k } = best; return { v, k };',
  ],
  ['one of several', 'let o; if (T(0)) o = { v: T(3) }; else if (T(1)) o = { v: T(4) > 0 }; return { is: o.v };'],
  [
    'read where it may not be, in a branch that does not run',
    'let o = null; if (T(0)) o = { v: T(3) }; let n = 1; if (T(0)) n = o.v; return { n };',
  ],
])('%s', (_, body) => expectEqual(body));

it.each([
  ['an object in it is read', 'let o = null; if (T(1)) o = { p: { v: T(1) } }; return { n: o.p.v };'],
  ['a text in it is read', "let o = null; if (T(1)) o = { p: 'abc' }; return { n: o.p.length };"],
  ['it is changed', 'let o = null; if (T(1)) o = { v: T(3) }; o.v += 2; o.w = 1; return { n: o.v + o.w };'],
  ['a method changes it', 'let o = null; if (T(1)) o = new Cell(3); o.isBig(); return { n: o.isBig() ? 1 : 0 };'],
  ['a function is called', 'let f; if (T(1)) f = (v) => v + T(1); return { n: f(2) };'],
  ['an array is gone through', 'let a, n = 0; if (T(1)) a = [T(1), 5]; for (const v of a) n += v; return { n };'],
  [
    'it is read in a loop',
    'let o, n = 0; if (T(1)) o = { v: 2 }; for (const r of V([1, 5])) n += r * o.v; return { n };',
  ],
])('what one side makes is what it is: %s', (_, body) => expectEqual(body));

/** What JavaScript throws an error for, where `o` is undefined: nothing that comes back needs it. */
describe('where it is not there, the run fails, whatever becomes of what is read', () => {
  const made = (value: string, use: string) => `let o; if (T(0)) o = ${value}; ${use}`;
  it.each([
    ['a member', made('{ v: T(3) }', 'o.v;')],
    ['a member by a key', made('{ v: T(3) }', "void o['v'];")],
    ['a member of a member', made('{ p: { v: T(3) } }', 'o.p.v;')],
    ['a getter', made('{ get v() { return 1; } }', 'o.v;')],
    ['an element', made('[T(1)]', 'o[0];')],
    ['an element at a traced place', made('[T(1), 2]', 'o[I(0)];')],
    ['its length', made('[T(1)]', 'o.length;')],
    ['a call of a method', made('{ f() {} }', 'o.f();')],
    ['a call', made('() => {}', 'o();')],
    ['a constructor', made('class {}', 'new o();')],
    ['an assignment', made('{ v: T(3) }', 'o.v = 2;')],
    ['delete', made('{ v: T(3) }', 'delete o.v;')],
    ['in', made('{ v: T(3) }', "'v' in o;")],
    ['an empty pattern', made('{ v: T(3) }', 'const {} = o;')],
    ['an array pattern', made('[T(3)]', 'const [] = o;')],
    ['a parameter that is taken apart', made('{ v: T(3) }', '(({ v }) => 1)(o);')],
    ['for…of', made('[T(3)]', 'for (const v of o) {}')],
    ['a spread', made('[T(3)]', '[...o];')],
    ['spread arguments', made('[T(3)]', 'Math.max(...o);')],
    ['behind ?.', 'let o = {}; if (T(0)) o = { p: { v: T(1) } }; o?.p.v;'],
    ['in a helper', made('{ v: T(3) }', 'const f = (x) => { x.v; }; f(o);')],
    ['in a branch', made('{ v: T(3) }', 'if (T(1)) o.v;')],
    ['in a loop', made('{ v: T(3) }', 'for (const r of V([1, 5])) if (r > 2) o.v;')],
    ['what is overwritten', made('{ v: T(3) }', 'let n = o.v; n = 5;')],
    ['what a helper returns', 'const f = (v) => { if (v > 1) return { p: T(1) }; }; f(T(0)).p;'],
    ['an entry of a filled array', 'const a = []; for (const r of V([1])) if (r > 7) a.push({ p: r }); a[0].p;'],
    [
      'an entry that an inner pattern takes apart',
      'const a = []; for (const r of V([1])) if (r > 7) a.push([r]); const [[p]] = a;',
    ],
    [
      'its first value, by reduce',
      'const a = []; for (const r of V([1])) if (r > 7) a.push(r); a.reduce((t, v) => t + v);',
    ],
    ['an object at a traced place', 'const a = [{ p: 1 }, { p: 2 }]; a[T(5)].p;'],
    ['an element that is replaced by with()', 'const a = [1, 2]; a.with(T(5), 3);'],
    ['a length below 0', 'const a = [1, 2]; a.length = T(-1);'],
    ['what is found', 'const a = [{ p: 1 }]; const { p } = a.find((o) => o.p > T(5));'],
    ['what a Map has not', 'const m = new Map([[1, { p: T(1) }]]); m.get(T(2)).p;'],
  ])('%s', async (_, body) => {
    const text = `function run({ T, I, V, save }) {\n${body} return { n: 1 };\n}\n`;
    expect(asJavaScript(text)).toMatchObject({ error: expect.any(Error) });
    const traced = await onTracedValues(compile(text));
    expect(traced).toMatchObject({ error: expect.any(TraceError) });
    expect(String((traced as { error: unknown }).error)).toMatch(/program\.js:2:\d+ - The model could not run/);
  });
});

it('a branch that does not run demands nothing', async () => {
  const block = () => {
    let best: { v: number } | null = null;
    if (traced(0) > 1) best = { v: 3 };
    let n: number = traced(1);
    if (traced(0) > 1) n = best!.v;
    return save(n);
  };
  expect(await small.trace(block)).toBe(1);
});
