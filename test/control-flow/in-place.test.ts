import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { traced } from './differential.ts';

interface Case {
  readonly program: string;
  readonly expected: Readonly<Record<string, unknown>>;
}

/** Programs that change tensors in place, and what PyTorch makes of them: test/tools/in_place_programs.py. */
const cases = JSON.parse(
  readFileSync(new URL('../fixtures/in-place-programs.json', import.meta.url), 'utf8'),
) as readonly Case[];

const head = `import { gt, max, mean, min, mul, sum } from 'onnsight';
const bump = (p: any) => {
  'use trace';
  p['0'] += 1;
};`;

const run = (program: string) =>
  traced({
    head,
    body: `const tensor = v;
const run = () => {
${program}
};
return Object.fromEntries(Object.entries(run()).map(([name, value]) => [name, save(value)]));`,
  });

/** What only the run knows: whether two names are one tensor. */
const isDoubtful = /changed in place .* by another name/;

it('tensors that are changed in place are as PyTorch has them, or an error', { timeout: 60_000 }, async () => {
  let refused = 0;
  for (const { program, expected } of cases) {
    const got = await run(program);
    if ('error' in got) {
      expect(got.error, program).toMatch(isDoubtful);
      refused++;
    } else {
      const close = (one: unknown): unknown => (Array.isArray(one) ? one.map(close) : expect.closeTo(one as number, 2));
      expect(got.value, program).toEqual(
        Object.fromEntries(Object.entries(expected).map(([name, value]) => [name, close(value)])),
      );
    }
  }
  expect(refused / cases.length).toBeLessThan(0.3);
});

describe('a name that a branch gave another tensor', () => {
  const start = 'let a = v([1, 2]), b = a; if (sum(a) > 9) b = b * 2;';

  it.each([
    [`${start} b[0] = 7; return { b };`, { b: [7, 2] }],
    [`${start} a[0] = 7; return { a };`, { a: [7, 2] }],
    [`${start} b = b.clone(); b[0] = 7; return { a, b };`, { a: [1, 2], b: [7, 2] }],
    ['let a = v([1, 2]); for (const r of v([3, 4])) { a[0] = r; a = a + 1; } return { a };', { a: [5, 4] }],
    [
      'let a = v([1, 2]), b = a; for (const r of v([3, 4])) { b = b + 1; if (r > 3) b[0] = r; b = a; } return { a };',
      { a: [1, 2] },
    ],
  ])('is changed: %s', async (program, value) => {
    expect(await run(program)).toEqual({ value });
  });

  it.each([
    `${start} b[0] = 7; return { a };`,
    `${start} a[0] = 7; return { b };`,
    `${start} const all = []; b[0] = 7; for (const r of v([3])) all.push(a); return { all };`,
    `${start} b[0] = 7; for (const r of v([3, 4])) { a['1'] = a['0'] + r; } return { a };`,
    'let a = v([1, 2]), b = a; for (const r of v([3, 4])) { b[0] = r; b = b + 1; } return { a };',
  ])('is perhaps the other one: %s', async (program) => {
    expect(await run(program)).toEqual({ error: expect.stringMatching(isDoubtful) });
  });
});

it('a view stays where it was made, whatever becomes of the index', async () => {
  const program = 'const a = v([1, 2, 3]), at = v([1, 1]).long(), i = at[0], b = a[i]; at[0] = 2; return { b };';
  expect(await run(program)).toEqual({ value: { b: 2 } });
});
