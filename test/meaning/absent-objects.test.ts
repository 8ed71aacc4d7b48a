import { save } from 'onnsight';
import { expect, it } from 'vitest';
import { expectEqual, expectRefused } from '../control-flow/programs.ts';
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

it('where it is not there, the run fails at the line', async () => {
  const block = () => {
    let best: { v: number } | null = null;
    for (const row of traced([1, 5])) if (row > 7) best = { v: row };
    return save(best!.v);
  };
  await expect(small.trace(block)).rejects.toThrow(
    /absent-objects\.test\.ts:\d+:\d+ - .*a member is read of what is undefined or null there/,
  );
});

it.each([
  ['an object is read', 'let o = null; if (T(1)) o = { p: { v: T(1) } }; return { n: o.p.v };'],
  ['a text is read', "let o = null; if (T(1)) o = { p: 'abc' }; return { n: o.p.length };"],
  ['it is set', 'let o = null; if (T(1)) o = { v: T(3) }; o.v += 2; return { n: o.v };'],
])('it is refused where nothing that is read could fail: %s', (_, body) =>
  expectRefused(body, /depending on a traced condition, and cannot be used as if it were one of them/),
);
