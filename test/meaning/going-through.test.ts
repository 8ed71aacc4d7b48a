import { describe, expect, it } from 'vitest';
import { judge } from '../compiler/fuzz/verdict.ts';

/** Ways to go through an array `a`; the body changes it. */
const ways = {
  'for…of': (body: string) => `for (const v of a) { ${body} }`,
  'entries()': (body: string) => `for (const [, v] of a.entries()) { ${body} }`,
  'values()': (body: string) => `const all = a.values(); for (const v of all) { ${body} }`,
  'yield*': (body: string) => `function* g() { yield* a; } for (const v of g()) { ${body} }`,
  forEach: (body: string) => `a.forEach((v) => { ${body} });`,
  map: (body: string) => `a.map((v) => { ${body} });`,
  reduce: (body: string) => `a.reduce((p, v) => { ${body} return p; }, 0);`,
};

const changes = ['a.push(9)', 'a.pop()', 'a.unshift(9)', 'a.splice(1, 0, 9, 9)', 'a.length = 2', 'a[2] = 9'];

/** How long the body changes it: some ways would go on for ever. */
const most = 5;

const run = (body: string) => judge(`function run({ T, V }) { ${body} }`);

describe.each(Object.entries(ways))('an array that %s goes through', (_, through) => {
  it.each(changes)('is as JavaScript has it, or an error, where a branch does %s', async (change) => {
    for (const test of ['v === 2', 'v > 9']) {
      const body = `n++; s = (s * 10 + v) % 1000; if (${test} && n < ${most}) ${change};`;
      const { kind, ends } = await run(
        `const a = [T(1), T(2), T(3)]; let n = 0, s = 0; ${through(body)} return { n, s, l: a.length };`,
      );
      expect(['equal', 'refused'], JSON.stringify(ends)).toContain(kind);
    }
  });
});

it.each([
  'for (const v of a) { n = n * 10 + v; if (n < 100) a.push(7); }',
  'for (const [i, v] of a.entries()) { n = n * 10 + v * i; if (n < 100) a.push(7); }',
  'const all = a.entries(); a.push(9); for (const [i, v] of all) n = n * 10 + v * i;',
  'const all = a.values(); a.push(9); for (const v of all) n = n * 10 + v;',
  'const all = [...a.values(), 5]; for (const v of all) n = n * 10 + v;',
])('an array that a loop filled: %s', async (body) => {
  const { kind, ends } = await run(
    `const a = []; for (const r of V([1, 2])) a.push(r); let n = 0; ${body} return { n, l: a.length };`,
  );
  expect(['equal', 'refused'], JSON.stringify(ends)).toContain(kind);
});

it.each([
  ['a.filter((v) => v !== 7).length', 'equal'],
  ['a.filter((v) => v > 0).length', 'equal'],
  ['a.some((v) => v === undefined) ? 1 : 0', 'equal'],
  ['a.every((v) => v > 0) ? 1 : 0', 'equal'],
  ['a.findIndex((v) => v === undefined)', 'equal'],
  ['a.findLastIndex((v) => v > 1)', 'equal'],
  ['a.map((v) => v * 2).length', 'equal'],
  ['a.sort((p, q) => p - q).length', 'refused'],
])('an array with holes: %s', async (value, expected) => {
  const { kind, ends } = await run(`const a = [, T(3), , 2]; return { n: ${value} };`);
  expect(kind, JSON.stringify(ends)).toBe(expected);
});
