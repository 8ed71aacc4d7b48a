import { expect, it } from 'vitest';
import { plainly, traced } from './differential.ts';

/** Functions and methods of JavaScript that decide by a traced value. */
const FOLLOWED: Readonly<Record<string, string>> = {
  filter: `return [save([1, 2, 3].filter((q) => q > t(1))), save([1, 2, 3].filter((q) => q > t(1)).length)];`,
  'filter by a plain value': `return [1, 2, 3].filter((q) => q > 1);`,
  'filter(Boolean)': `return save([t(0), t(4), t(5)].filter(Boolean));`,
  'filter in a loop of the graph': `const a: any[] = []; for (const r of v([1, 2])) a.push([3, 4].filter((q) => q > r + 2).length); return [save(a[0]), save(a[1])];`,
  find: `return [save([1, 2, 3].find((q) => q > t(1))), save([1, 2, 3].find((q) => q > t(7)) ?? -1)];`,
  'find that finds nothing': `return save([1, 2, 3].find((q) => q > t(7)));`,
  findIndex: `return [save([1, 2, 3].findIndex((q) => q > t(1))), save([1, 2, 3].findIndex((q) => q > t(7)))];`,
  some: `return [save([1, 2].some((q) => q > t(1))), save([1, 2].some((q) => q > t(7)))];`,
  'some calls as often as it has to': `let n = 0; const is = [1, 2, 3].some((q) => { n++; return q > t(1); }); return [save(is), save(n)];`,
  every: `return [save([1, 2].every((q) => q > t(1))), save([1, 2].every((q) => q > t(0)))];`,
  'Boolean and Number': `return [save(Boolean(t(1))), save(Boolean(t(0))), save(Number(t(3)))];`,
  'Number.isInteger': `return [save(Number.isInteger(t(3))), save(Number.isInteger(t(3) / 2)), save(Number.isInteger(t(3) / t(0)))];`,
  'isNaN and isFinite': `return [save(isNaN(t(3))), save(Number.isNaN(t(0) / t(0))), save(isFinite(t(3))), save(Number.isFinite(t(3) / t(0)))];`,
  'a variable that may be undefined is saved': `let q: any; if (t(1) > 0) q = t(4); let r: any; if (t(-1) > 0) r = t(4); return [save(q), save(r)];`,
};

it.each(Object.entries(FOLLOWED))('%s', async (_, body) => {
  expect(await traced({ body })).toEqual({ value: plainly({ body }) });
});
