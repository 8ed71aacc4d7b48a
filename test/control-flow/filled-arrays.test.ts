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
  'an entry of its own is set': `a[0] = t(90); return save(a[0] + 0);`,
  'it is spread into an array': `const b = [...a, t(1)]; return save(b.length);`,
  'it is pushed to another': `const b: any[] = []; b.push(...a); return save(b.length);`,
};

/** What depends on how many entries there are is followed where that is known, and refused elsewhere. */
const REFUSED: Readonly<Record<string, string>> = {
  'an index below 0': `const q = a[-1]; return save(q === undefined ? 1 : 0);`,
  'an entry behind others is taken from a pattern': `const [, , q] = a; return save(q === undefined ? 1 : 0);`,
  'an entry behind others is taken by a parameter': `const f = ([, , q = 50]: any) => q; return save(f(a) + 0);`,
  'an entry is set': `a[2] = t(90); return save(a[2] + 0);`,
  'an entry behind is set': `a[4] = t(90); return save(a.length);`,
  'an entry is added to': `a[2] += 1; return save(a[2] + 0);`,
  'an entry is set by a pattern': `[a[2]] = [t(90)]; return save(a[2] + 0);`,
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
  'it is spread into a rest': `const f = (...p: any[]) => p.length; return save(f(...a));`,
};

function programs(uses: Readonly<Record<string, string>>): (readonly [string, string])[] {
  return Object.entries(FILLS).flatMap(([filled, fill]) =>
    Object.entries(uses).map(([used, use]) => [`${used}, after ${filled}`, `${fill} ${use}`] as const),
  );
}

it.each(programs(FOLLOWED))('%s', async (_, body) => {
  expect(await traced({ body })).toEqual({ value: plainly({ body }) });
});

it.each(programs(REFUSED))('%s', async (_, body) => {
  const given = await traced({ body });
  if ('error' in given) expect(given.error).toMatch(/of the graph filled|An array has no element -1/);
  else expect(given.value).toEqual(plainly({ body }));
});

it.each([1, 3])('typeof of a variable that one side sets (%i)', async (n) => {
  const body = `let q: any; if (t(${n}) > 2) q = t(5); return save(typeof q === 'undefined' ? 1 : 0);`;
  expect(await traced({ body })).toEqual({ value: plainly({ body }) });
});
