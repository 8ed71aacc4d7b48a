import { describe, expect, it, vi } from 'vitest';
import { plainly, traced } from './differential.ts';

const follows = (programs: Readonly<Record<string, string>>) =>
  it.each(Object.entries(programs))('%s', async (_, body) => {
    expect(await traced({ body })).toEqual({ value: plainly({ body }) });
  });

const refuses = (programs: Readonly<Record<string, readonly [body: string, message: RegExp]>>) =>
  it.each(Object.entries(programs))('%s', async (_, [body, message]) => {
    expect(await traced({ body })).toHaveProperty('error', expect.stringMatching(message));
  });

describe('an endless loop runs no iteration twice', () => {
  follows({
    'over a queue': `const q = [1, 2, 3]; const out: any[] = []; while (true) { const k = q.shift(); if (k === undefined) break; out.push(save(t(k * 10))); } return out;`,
    'over an iterator': `const it = [1, 2, 3].values(); const out: any[] = []; for (;;) { const k = it.next(); if (k.done) break; out.push(save(t(k.value * 10))); } return out;`,
    'over a Set': `const s = new Set<string>(); let i = 0; while (true) { s.add(i + '/' + s.size); if (++i >= 3) break; } return save(s.size);`,
    'that a traced value ends': `let z = t(1); let k = 0; for (;;) { z *= 2; k++; if (z > 50) break; } return [save(z), save(k)];`,
    'that is plain at first': `let z = t(1); let k = 0; const q = [1]; for (;;) { k++; if (q.length) { q.pop(); continue; } z *= 2; if (z > 50) break; } return [save(z), save(k)];`,
  });
  refuses({
    'that advances an iterator until a traced value ends it': [
      `const it = [1, 2, 3].values(); let z = t(1); for (;;) { it.next(); z *= 2; if (z > 50) break; } return save(z);`,
      /iterator/,
    ],
  });
});

describe('no catch hides an error of ours', () => {
  refuses({
    'about a throw in a function that is called': [
      `const check = (q: any) => { if (q > 0) throw new RangeError('too large'); }; const f = (q: any) => { try { check(q); return 1; } catch (e) { return e instanceof RangeError ? 3 : 4; } }; return save(f(t(-1)));`,
      /is thrown out of a branch/,
    ],
  });
  follows({
    'and one of the same function is a jump': `const f = (q: any) => { try { if (q > 0) throw new RangeError('too large'); return 1; } catch { return 2; } }; return [save(f(t(-1))), save(f(t(1)))];`,
    'and plain ones are caught': `const f = (q: any) => { try { if (q > 0) throw new RangeError('too large'); return 1; } catch { return 2; } }; return save(f(3));`,
  });
});

describe('objects that the body of a loop makes are its own', () => {
  const loop = (body: string) => `let s: any = 0; for (const r of v([1, 2])) { ${body} } return save(s);`;
  follows({
    'an object': loop(`const o = { v: r }; o.v += 1; s += o.v;`),
    'an array': loop(`const p = [r, r * 2]; p[1] += 1; s += p[1];`),
    'an array that is pushed to': loop(`const a: any[] = []; a.push(r); a.push(r + 1); s += a[0] + a[1];`),
    'a Map': loop(`const m = new Map(); m.set('a', r); s += m.get('a');`),
    "a helper's object": loop(`const f = (q: any) => { const o = { v: q }; o.v += 1; return o; }; s += f(r).v;`),
    'what an inner loop adds to': loop(
      `const acc = { t: t(0) }; for (const q of v([1, 1])) acc.t += r * q; s += acc.t;`,
    ),
    'an instance': loop(
      `class P { v: any; constructor(w: any) { this.v = w; } up() { this.v += 1; return this; } } s += new P(r).up().v;`,
    ),
    'one of two': loop(`let o: any; if (r > 1) o = { v: r }; else o = { v: 0 }; o.v += 1; s += o.v;`),
    'the rest of the arguments': loop(
      `const f = (...q: any[]) => { q.push(1); q[0] += 1; return q[0]; }; s += f(r, 'x');`,
    ),
    'and others are carried, whenever they change': `let first: any = true; const o = { n: 0 }; for (const r of v([1, 2, 3])) { if (first) { first = false; } else { o.n += r; } } return save(o.n);`,
    'a Map from outside': `const m = new Map<string, any>([['a', 0]]); for (const r of v([1, 2])) { m.set('a', m.get('a') + r); } return save(m.get('a'));`,
    'elements in front': `const a: any[] = [1, 2]; for (const r of v([1, 2])) { a.unshift(r); } return save(a[0]);`,
    'an array that is reversed': `const a = [1, 2, 3]; for (const r of v([1, 2, 3])) { a.reverse(); } return a.map((q) => save(q));`,
  });
  refuses({
    'a Set from outside': [
      `const m = new Set(); for (const r of v([1])) m.add(1); return save(m.size);`,
      /a Set gets or loses/,
    ],
    'a new key': [`const m: any = {}; for (const r of v([1])) m.a = r; return 1;`, /'a' of an object/],
    'one random number for all': [
      `let s: any = 0; for (const r of v([1])) s += Math.random(); return 1;`,
      /each would get the same/,
    ],
  });
});

it('console.log prints plain values too where and as often as the model gets there', async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  await traced({
    body: `if (t(-1) > 0) console.log('no'); if (t(1) > 0) console.log('once'); for (const r of v([1, 2])) console.log('twice'); return 1;`,
  });
  const lines = log.mock.calls.map(([line]) => line);
  log.mockRestore();
  expect(lines).toEqual(['once', 'twice', 'twice']);
});
