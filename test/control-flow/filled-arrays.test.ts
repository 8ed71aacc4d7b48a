import { expect, it } from 'vitest';
import { plainly, traced } from './differential.ts';

/** Arrays that a branch or a loop of the graph filled: JavaScript's meaning, or an error; never what the array is inside. */
const FILLS: Readonly<Record<string, string>> = {
  'a loop': `const a: any[] = [t(7)]; for (const r of v([1, 2, 3])) a.push(r * 2);`,
  'a branch that ran': `const a: any[] = [t(7)]; if (t(3) > 2) { a.push(t(1)); a.push(t(2)); a.push(t(4)); }`,
  'a branch that did not run': `const a: any[] = [t(7), t(8), t(9), t(5)]; if (t(1) > 2) a.push(t(1));`,
};
/** What they mean is followed. */
const FOLLOWED: Readonly<Record<string, string>> = {
  'its length': `return save(a.length);`,
  'an entry by index': `return save(a[1] + 0);`,
  'the last entry': `return save(a.at(-1) + 0);`,
  'for…of': `let s: any = 0; for (const r of a) s += r; return save(s);`,
  positions: `let s: any = 0; for (let i = 0; i < a.length; i++) s = s * 2 + a[i]; return save(s);`,
  'an entry of its own is set': `a[0] = t(90); return save(a);`,
  'an entry is set': `a[2] = t(90); return save(a);`,
  'an entry is added to': `a[2] += 1; return save(a);`,
  'an entry is set by a pattern': `[a[2]] = [t(90)]; return save(a);`,
  'it is spread into an array': `const b = [...a, t(1)]; return save(b.length);`,
  'it is pushed to another': `const b: any[] = []; b.push(...a); return save(b.length);`,
  map: `return save(a.map((q: any, i: any) => q * 2 + i));`,
  'map of a function of JavaScript': `return save(a.map(Math.sqrt).map(Math.round));`,
  forEach: `let s: any = 0; a.forEach((q: any, i: any) => { s += q * i; }); return save(s);`,
  'forEach with an effect': `const b: any[] = []; a.forEach((q: any) => { if (q > 3) b.push(q); }); return save(b.length);`,
  filter: `return save(a.filter((q: any) => q > 3));`,
  'some and every': `return [save(a.some((q: any) => q > 6)), save(a.some((q: any) => q > 60)), save(a.every((q: any) => q > 0)), save(a.every((q: any) => q > 1))];`,
  'find and findIndex': `return [save(a.find((q: any) => q > 3) ?? -1), save(a.findIndex((q: any) => q === 4)), save(a.findIndex((q: any) => q === 44))];`,
  'includes and indexOf': `return [save(a.includes(4)), save(a.includes(44)), save(a.indexOf(4)), save(a.indexOf(t(44)))];`,
  reduce: `return [save(a.reduce((s: any, q: any) => s * 2 + q)), save(a.reduce((s: any, q: any, i: any) => s + q * i, 5))];`,
  reduceRight: `return [save(a.reduceRight((s: any, q: any) => s * 2 + q)), save(a.reduceRight((s: any, q: any, i: any) => q * i - s))];`,
  'reduce and reduceRight behind what may be none': `const b: any[] = []; if (t(0) > 1) b.push(t(1)); for (const r of v([])) b.push(r); b.push(t(5)); if (t(0) > 1) b.push(t(6)); return [save(b.reduce((s: any, q: any, i: any) => q * 2 - s + i)), save(b.reduceRight((s: any, q: any, i: any) => q * 2 - s + i))];`,
  slice: `return [save(a.slice(1)), save(a.slice(-2)), save(a.slice(1, 3)), save(a.slice(1, -1)), save(a.slice(0, t(2)))];`,
  reverse: `a.reverse(); return save(a);`,
  toReversed: `const b = a.toReversed(); return [save(a), save(b)];`,
  fill: `a.fill(t(5), 1); return save(a);`,
  with: `return [save(a.with(0, t(5))), save(a.with(2, t(6))), save(a.with(-1, t(7))), save(a)];`,
  'pop and shift': `const p = a.pop(), q = a.shift() ?? -1; return [save(p + 0), save(q), save(a)];`,
  splice: `const b = a.splice(1, 2, t(50), t(60), t(70)); return [save(a), save(b)];`,
  'splice to the end': `const b = a.splice(-2); return [save(a), save(b)];`,
  'Array.from': `return [save(Array.from(a)), save(Array.from(a, (q: any) => q + 1))];`,
  'Math.max and Math.min': `return [save(Math.max(...a)), save(Math.min(9, ...a, 3))];`,
  'a queue': `let s: any = 0; while (a.length > 0) s = s * 2 + (a.shift() ?? 0); return save(s);`,
  'in a loop of the graph': `for (const r of v([5, 1])) { if (r > 2) a.push(r); a[0] += a.map((q: any) => q + 1).reduce((s: any, q: any) => s + q, 0); } return save(a);`,
};

/** Entries that are objects or arrays. */
const OBJECTS: Readonly<Record<string, string>> = {
  'fields of an entry': `const a: any[] = []; for (const r of v([1, 2, 3])) a.push({ p: r, q: 2 }); return [save(a[1].p), save(t(a.at(-1).q)), save(a.map((o) => o.p + o.q))];`,
  'for…of with a pattern': `const a: any[] = []; for (const r of v([1, 2, 3])) a.push([r, 2]); let s: any = 0; for (const [p, q] of a) s += p * q; return save(s);`,
  'entries of several kinds': `const a: any[] = []; for (const r of v([1, 2, 3])) if (r > 1) a.push({ p: r }); else a.push(null); let s: any = 0; for (const o of a) if (o) s += o.p; return save(s);`,
  'an object that was there': `const o = { p: 1 }; const a: any[] = []; for (const r of v([1, 2])) { a.push(o); o.p += r; } return save(a[0].p);`,
  'an object that was there, changed through its entry': `const o = { p: 1 }; const a = [{ p: 9 }]; if (t(1) > 0) a.push(o); a.at(-1)!.p = 2; return save(t(o.p));`,
  'an object that was there, changed afterwards': `const o = { p: 1 }; const a = [{ p: 9 }]; if (t(1) > 0) a.push(o); o.p = 2; return save(a.at(-1)!.p + 0);`,
  'vectors of several sizes': `const a: any[] = []; for (const r of [v([1, 2]), v([3, 4, 5, 6]), v([7, 8, 9])]) if (r[0] > 0) a.push(r); return [save(a[0][1]), save(a[1][3]), save(a[2][0])];`,
};

/** Arrays whose own elements loops take out. */
const EMPTIED: Readonly<Record<string, string>> = {
  'a queue until a traced value ends the loop': `const q = [t(1), t(2), t(5), t(4)]; let k = 0; while (true) { const r = q.shift() ?? 9; k++; if (r > 4) break; } return [save(t(k)), save(q.length)];`,
  'a queue until it is empty': `const q = [t(1), -1, 2]; let m: any = 0; while (true) { const i = q.shift(); if (i === undefined) break; if (m > 9) break; m += i; } return save(m);`,
  'the last entry of an array that may be empty': `const a: any[] = []; for (const r of v([1, 2])) if (r > 5) a.push(r); return save(a.pop() ?? t(8));`,
  'elements that a loop over rows takes out': `const a = [1, 2, 3]; for (const r of v([1, 7])) if (r > 2) a.pop(); return save(a.length);`,
};

const IN_TWO = `const a: any[] = []; for (const r of v([1, 5, 3])) if (r > 2) a.push(r);`;
const NAMED = `const a: any[] = []; let last: any = null; for (const r of v([3, 5, 1])) if (r > 2) { const o = { p: r }; a.push(o); last = o; }`;
/** An entry that is not there is undefined; what is taken of an array that is not empty is there. */
const ASKED: Readonly<Record<string, string>> = {
  'entries are asked for': `${IN_TWO} return [save(t(a[9] === undefined ? 1 : 0)), save(t(a[1] != null ? 1 : 0)), save(a[9] ?? t(5)), save(a[1] ?? t(5)), save(t(a[9] === 3 ? 1 : 0)), save(a[7] || t(4)), save(t(typeof a[8] === 'number' ? 1 : 0))];`,
  'an index below 0': `const b = [t(1), t(2), t(3)]; ${IN_TWO} return [save(b[t(1) > 0 ? -1 : 0] ?? t(9)), save(b[t(1) > 0 ? 7 : 0] ?? t(9)), save(b.at(t(1) > 0 ? -2 : 0) + 0), save(b.at(t(1) > 0 ? -4 : 0) ?? t(9)), save(a[t(1) > 0 ? -1 : 0] ?? t(9)), save(a.at(-3) ?? t(9)), save(a.at(-2) + 0)];`,
  'entries without a tensor': `const a: any[] = []; for (const r of v([1, 5, 3])) if (r > 2) a.push(5); return [save(a[7] ?? t(4)), save(a[1] + 1)];`,
  'objects at a traced place': `const b = [{ p: 1 }, { p: 2 }]; b[t(1) > 0 ? 1 : 0].p = 9; return [save(t(b[1].p)), save(t(b[t(1) > 0 ? 5 : 0]?.p ?? 3))];`,
  'functions at a traced place': `const f = [(x: any) => x + 1, (x: any) => x * 2]; return save(f[t(1) > 0 ? 1 : 0](t(5)));`,
  'a queue while it has entries': `${IN_TWO} let n: any = 0; while (a.length > 0) { const q = a.shift(); n += q; if (q > 4) a.push(q - 3); } return save(n);`,
  'a stack of pairs while it has some': `const a: any[] = []; for (const r of v([1, 5, 3])) if (r > 2) a.push([r, r * 2]); let n: any = 0; while (a.length) { const [p, q] = a.pop(); n += p * q; } return save(n);`,
  'its length is set and an entry is put behind the last': `const a: any[] = [t(1)]; for (const r of v([1, 5, 3])) if (r > 2) a.push(r); a[a.length] = t(9); a[a.length] = t(8); a.length -= 1; if (a.length > 3) a.length = 4; return [save(a), save(a.length)];`,
  'an object that a branch pushes and names': `const a: any[] = []; let last: any = null; if (t(1) > 0) { const o = { p: t(2) * 3 }; a.push(o); last = o; } return [save(a[0].p), save(a.map((o) => o.p)[0] + 0), save(last ? last.p : t(0))];`,
  'objects that a branch of a loop pushes and names': `${NAMED} return [save(a[0].p), save(last?.p ?? t(0)), save(a.length)];`,
  'an object with two names in a loop': `let x: any = null, y: any = [t(0)]; for (const r of v([3, 5, 1])) if (r > 2) { const o = [r]; x = o; y = o; } return [save(x ? x[0] : t(0)), save(y[0])];`,
};

/** A change of an entry that several iterations made would have to find it again. */
const CHANGED: Readonly<Record<string, string>> = {
  'a field of an entry is set': `a[0].p = 5; return save(a[0].p);`,
  'a field of every entry is set': `for (const o of a) o.p += 5; return save(a[0].p);`,
  'a field of an entry is set by JavaScript': `Object.assign(a[0], { p: 7 }); return save(a[0].p);`,
  'two entries are compared': `return save(t(a[0] === a[1] ? 1 : 0));`,
  'an object that a loop pushed and named is set': `${NAMED} if (last) last.p = 9; return save(a[0].p);`,
  'an object that a loop gave two names is set': `let x: any = { p: 0 }, y: any = x; for (const r of v([3, 5])) { const o = { p: r }; x = o; y = o; } x.p = 9; return save(y.p);`,
};

/** What depends on how many entries there are is followed where that is known, and refused elsewhere. */
const REFUSED: Readonly<Record<string, string>> = {
  'an index below 0': `const q = a[-1]; return save(q === undefined ? 1 : 0);`,
  'an entry behind others is taken from a pattern': `const [, , q] = a; return save(q === undefined ? 1 : 0);`,
  'an entry behind others is taken by a parameter': `const f = ([, , q = 50]: any) => q; return save(f(a) + 0);`,
  'an entry behind is set': `a[4] = t(90); return save(a.length);`,
  'an entry is deleted': `delete a[2]; return save(a[2] === undefined ? 1 : 0);`,
  'its length is set': `a.length = 1; return save(a.length);`,
  'its length is set by a pattern': `({ n: a.length } = { n: 1 }); return save(a.length);`,
  'it is taken apart': `const [p, q] = a; return save(p + q);`,
  'it is taken apart behind its end': `const [, , , , , q] = a; return save(q === undefined ? 1 : 0);`,
  'a default stands in a pattern': `const [, q = 50] = a; return save(q + 0);`,
  'a copy of it is taken apart': `const [, q] = [...a]; return save(q + 0);`,
  'an assignment takes it apart': `let p: any, q: any; [p, q] = a; return save(p + q);`,
  'a nested pattern takes it apart': `const { o: [, q] } = { o: a }; return save(q + 0);`,
  'a nested pattern in an array takes it apart': `const [[, q]] = [a]; return save(q + 0);`,
  'a parameter takes it apart': `const f = ([p, q]: any) => p + q; return save(f(a));`,
  'a pattern for rows takes it apart': `let s: any = 0; for (const [p, q] of [a, a]) s += p + q; return save(s);`,
  'its own entries alone are taken': `const [p] = a; return save(p + 0);`,
  'the rest is taken': `const [, ...q] = a; return save(q.length);`,
  'it is spread into a function': `const f = (p: any, q: any) => p + q; return save(f(...a));`,
  'it is spread into a constructor': `class C { n: any; constructor(p: any, q: any) { this.n = q === undefined ? 1 : 2; } } return save(t(new C(...a).n));`,
  'it is spread into the constructor above': `class C { n: any; constructor(p: any, q: any) { this.n = q === undefined ? 1 : 2; } } class D extends C { constructor(...p: any) { super(...p); } } return save(t(new D(a[0], ...a).n));`,
  'it is spread into an array of one length': `return save(t(new Array(...a.slice(0, 1)).length));`,
  'yield* hands its entries on': `function* g(): any { yield* a; } const it = g(); it.next(); return save(t(typeof it.next().value === 'number' ? 1 : 0));`,
  'it is spread into a rest': `const f = (...p: any[]) => p.length; return save(f(...a));`,
  'the function that goes through it pushes to it': `const b = a.filter((q: any) => { a.push(9); return q > 3; }); return [save(a), save(b)];`,
  'the function that goes through it sets an entry': `let s: any = 0; a.forEach((q: any, i: any) => { a[0] = 9; s += q; }); return save(s);`,
  'the function that goes through it pushes to it in a branch': `const b = a.map((q: any) => { if (q > 3) a.push(q); return q + 1; }); return [save(a), save(b)];`,
  'the function that folds it empties it': `return save(a.reduce((s: any, q: any) => { a.pop(); return s + q; }, 0));`,
  'a text is made of it': `return save(a.join('').length);`,
};

function programs(uses: Readonly<Record<string, string>>): (readonly [string, string])[] {
  return Object.entries(FILLS).flatMap(([filled, fill]) =>
    Object.entries(uses).map(([used, use]) => [`${used}, after ${filled}`, `${fill} ${use}`] as const),
  );
}

it.each(programs(FOLLOWED))('%s', async (_, body) => {
  expect(await traced({ body })).toEqual({ value: plainly({ body }) });
});

it.each(Object.entries({ ...OBJECTS, ...EMPTIED, ...ASKED }))('%s', async (_, body) => {
  expect(await traced({ body })).toEqual({ value: plainly({ body }) });
});

it.each(Object.entries(CHANGED))('%s: an error', async (_, use) => {
  const body = `const a: any[] = []; for (const r of v([1, 2, 3])) a.push({ p: r }); { ${use} }`;
  expect(await traced({ body })).toEqual({ error: expect.stringMatching(/An object is (changed|compared)/) });
});

it.each(programs(REFUSED))('%s', async (_, body) => {
  const given = await traced({ body });
  if ('error' in given)
    expect(given.error).toMatch(
      /of the graph filled|changed by the function or loop that goes through it|An array has no element -1|out of range/,
    );
  else expect(given.value).toEqual(plainly({ body }));
});

it.each([1, 3])('typeof of a variable that one side sets (%i)', async (n) => {
  const body = `let q: any; if (t(${n}) > 2) q = t(5); return save(typeof q === 'undefined' ? 1 : 0);`;
  expect(await traced({ body })).toEqual({ value: plainly({ body }) });
});

it('entries of several sizes are no tensor, whichever of them is the last', async () => {
  const fill = 'const a: any[] = []; const x = v([1, 5, 3]); for (const r of x) a.push(x.maskedSelect(x < r + 1));';
  const head = "import { stack } from 'onnsight';";
  const saved = await traced({ head, body: `${fill} return save(stack(a));` });
  expect(saved).toEqual({
    error: expect.stringMatching(/^program\.ts:\d+:\d+ - .*entries of an array have different sizes/),
  });
  expect(await traced({ body: `${fill} return save(a[1].sum());` })).toEqual({ value: 9 });
});
