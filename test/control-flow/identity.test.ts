import { expect, it } from 'vitest';
import { plainly, traced } from './differential.ts';

/** Objects and arrays stay what they are through branches and loops: who changes one changes it for all who have it. */
const FOLLOWED: Readonly<Record<string, string>> = {
  'an object gets a second name': `const o = { p: 1 }; let x = { p: 0 }; if (WHEN) x = o; o.p = 5; return save(t(x.p));`,
  'a change by the second name': `const o = { p: 1 }; let x = { p: 0 }; if (WHEN) x = o; x.p = 5; return save(t(o.p));`,
  'one of two by ?:': `const a = { p: 1 }, b = { p: 2 }; const x = WHEN ? a : b; x.p = 5; return [save(t(a.p)), save(t(b.p))];`,
  'one of two by a helper': `const f = (a: any, b: any) => { if (WHEN) return a; return b; }; const a = { p: 1 }, b = { p: 2 }; f(a, b).p = 5; return [save(t(a.p)), save(t(b.p))];`,
  'an element of one of two arrays': `const a = [1, 2], b = [3, 4]; const x = WHEN ? a : b; x[0] = 9; return [save(t(a[0]!)), save(t(b[0]!))];`,
  'push to one of two arrays': `const a = [1, 2], b = [3, 4]; let x = b; if (WHEN) x = a; x.push(5); return [save(a.length), save(b.length)];`,
  'a new object with two names': `let x = { p: 0 }, y = { p: 1 }; if (WHEN) { const o = { p: 3 }; x = o; y = o; } x.p = 7; return save(t(y.p));`,
  'a new object with one of two names': `let x = { p: 0 }; const y = x; if (WHEN) x = { p: 3 }; x.p = 7; return [save(t(y.p)), save(t(x.p))];`,
  'an object in an object': `const o = { in: { v: 1 } }, k = { v: 2 }; if (WHEN) o.in = k; k.v = 3; return save(t(o.in.v));`,
  'an object in an object, in a loop': `const o = { in: { v: 1 } }, k = { v: 2 }; for (const r of v([1, 2])) if (r > 1) o.in = k; k.v = 3; return save(t(o.in.v));`,
  'a loop goes from one object to another': `const a = { p: 1 }, b = { p: 3 }; let x = b; for (const r of v([1, 2])) { x.p += r; if (WHEN) x = a; } x.p *= 2; return [save(t(a.p)), save(t(b.p))];`,
  'a new object in each iteration': `let x = { p: 0 }; for (const r of v([1, 2])) { const y = x; x = { p: y.p + r }; } x.p += 1; return save(t(x.p));`,
  'comparison by what it is': `const o = { p: 1 }; let x = { p: 0 }; if (WHEN) x = o; return save(t(x === o ? 1 : 0));`,
  'an instance of a class': `class Cell { v = 0; add(n: number) { this.v += n; return this; } } const a = new Cell(), b = new Cell(); let x = a; if (WHEN) x = b; x.add(5); return [save(t(a.v)), save(t(b.v))];`,
  'an object is pushed and named': `const a: any[] = []; let o: any; if (WHEN) { o = { p: 1 }; a.push(o); } else { o = { p: 2 }; a.push(o); } o.p += 5; return save(t(a[0].p));`,
  'an object is pushed by a helper that gives it': `const a: any[] = []; const f = (p: number) => { const o = { p }; a.push(o); return o; }; const o = WHEN ? f(1) : f(2); o.p += 5; return save(t(a[0].p));`,
  'an object is in two arrays': `const a: any[] = [], b: any[] = []; if (WHEN) { const o = { p: 1 }; a.push(o); b.push(o); } else { const o = { p: 2 }; a.push(o); b.push(o); } a[0].p += 5; return save(t(b[0].p));`,
  'an object becomes an element': `const a: any[] = [0]; let o: any; if (WHEN) { o = { p: 1 }; a[0] = o; } else { o = { p: 2 }; a[0] = o; } o.p += 5; return save(t(a[0].p));`,
  'an object is pushed in an object': `const a = { in: [] as any[] }; let o: any; if (WHEN) { o = { p: 1 }; a.in.push(o); } else { o = { p: 2 }; a.in.push(o); } a.in[0].p += 5; return save(t(o.p));`,
  'an array is reversed': `const a = [{ p: 1 }, { p: 2 }]; const o = a[0]!; if (WHEN) a.reverse(); o.p = 9; return a.map((one) => save(t(one.p)));`,
  'a value of a Map': `const o = { p: 1 }; const m = new Map([[0, o]]); if (WHEN) m.set(0, { p: 3 }); o.p = 7; return save(t(m.get(0)!.p));`,
  'a parameter gets another object': `const f = (o: any) => { if (WHEN) o = { p: 5 }; o.p += 1; return o.p; }; const o = { p: 1 }; const n = f(o); return [save(t(n)), save(t(o.p))];`,
  'a getter runs once': `let n = 0; const make = (p: number) => ({ p, get g() { n++; return this.p; } }); const a = make(1), b = make(2); let x = a; if (WHEN) x = b; const q = x.g; return [save(t(n)), save(t(q))];`,
  'a copy is another array': `const a = [1, 2]; const x = WHEN ? a : [3, 4]; const y = [...x]; y[0] = 9; return [save(t(y[0]!)), save(t(a[0]!))];`,
  'a copy is another object': `const a = { p: 1, q: 2 }, b = { p: 3, q: 4 }; const x = WHEN ? a : b; const y = { ...x, q: 7 }; y.p += 5; return [save(t(y.p)), save(t(y.q)), save(t(a.p))];`,
  'a pattern': `const a = [1, 2], b = [3, 4]; let x = b; if (WHEN) x = a; const [p, q] = x; return [save(t(p!)), save(t(q!))];`,
  'methods and functions of JavaScript': `const a = [1, 2], b = [3, 4]; let x = b; if (WHEN) x = a; return [save(t(Math.max(...x))), save(t(x.map((q) => q * 2)[0]!)), save(t(x.reduce((s, q) => s + q, 0))), save(t(Object.keys(x).length))];`,
  'Object.assign': `const a = { p: 1 }, b = { p: 3 }; let x = b; if (WHEN) x = a; Object.assign(x, { p: 8 }); return [save(t(a.p)), save(t(b.p))];`,
  'an assignment by a pattern': `const a = { p: 1 }, b = { p: 3 }; let x = b; if (WHEN) x = a; [x.p] = [7]; x.p++; return [save(t(a.p)), save(t(b.p))];`,
  'a key that is one of two texts': `const m = new Map([['a', 1], ['b', 2]]); return save(t(m.get(WHEN ? 'a' : 'b')!));`,
};

/** What would need an object for each iteration, or a key that comes and goes. */
const REFUSED: Readonly<Record<string, readonly [body: string, message: RegExp]>> = {
  'an object of an iteration with two names is changed': [
    `let x = { p: 0 }, y = x; for (const r of v([1, 2])) { x = { p: r }; y = x; } x.p += 1; return save(t(y.p));`,
    /An object is changed that was made in a loop or branch of the graph/,
  ],
  'an object of an iteration that is pushed and named is changed': [
    `const a: any[] = []; let o: any = { p: 0 };
     for (const r of v([1, 2])) { o = { p: r }; a.push(o); }
     o.p = t(50); return save(a[1].p + t(0));`,
    /An object is changed that was made in a loop or branch of the graph/,
  ],
  'a key of one of two objects is deleted': [
    `const a: any = { p: 1 }, b: any = { p: 3 }; let x = b; if (WHEN) x = a; delete x.p; return save(t(a.p ?? 5));`,
    /comes or goes/,
  ],
};

const CASES = ['t(1) > 0', 't(-1) > 0'].flatMap((when) =>
  Object.entries(FOLLOWED).map(([name, body]) => [`${name}, if ${when}`, body.replaceAll('WHEN', when)] as const),
);

it.each(CASES)('%s', async (_, body) => {
  expect(await traced({ body })).toEqual({ value: plainly({ body }) });
});

it.each(Object.entries(REFUSED))('%s: an error', async (_, [text, message]) => {
  const body = text.replaceAll('WHEN', 't(1) > 0');
  expect(await traced({ body })).toEqual({ error: expect.stringMatching(message) });
});
