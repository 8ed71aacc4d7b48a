import { describe, expect, it } from 'vitest';
import { AFTER, BEFORE, CHANGES } from './changes.ts';
import { expectEqual, expectRefused, judged } from './programs.ts';

/** Where a change stands: in a branch that does not run, and in a loop, behind a `continue` that some rows take. */
const PLACES: Readonly<Record<string, (change: string) => string>> = {
  'a branch that does not run': (change) => `if (T(2) > 5) { ${change}; }`,
  'the body of a loop': (change) => `for (const v of V([1, 5])) { if (v > 3) continue; ${change}; }`,
};

describe.each(Object.entries(PLACES))('what changes in %s is what JavaScript says, or an error', (_, place) => {
  it(`${CHANGES.length} changes`, async () => {
    const wrong: unknown[] = [];
    for (const change of CHANGES) {
      const verdict = await judged(`${BEFORE} ${place(change)} ${AFTER}`);
      if (verdict.kind !== 'equal' && verdict.kind !== 'refused') wrong.push({ change, ...verdict.ends });
    }
    expect(wrong).toEqual([]);
  });
});

describe('what push gives is how long the array is', () => {
  it.each([
    ['in a loop', 'for (const v of V([1, 5])) r += xs.push(v);'],
    ['in a loop that ends early', 'for (const v of V([1, 5])) { o.b.c += xs.push(5); if (v > 0) break; }'],
    ['unshift', 'for (const v of V([1, 5])) r += xs.unshift(v);'],
    ['behind a branch that filled it', 'if (T(2) > 5) xs.push(1); r = xs.push(4);'],
    ['of an empty array', 'const e = []; for (const v of V([1, 5])) if (v > 3) r += e.push(v);'],
  ])('%s', (_, body) => expectEqual(`${BEFORE} ${body} ${AFTER}`));
});

describe('a member by its name of an array that a loop filled', () => {
  it.each(["xs['length']", "xs['2']", "xs['at'](3)", 'xs[Symbol.iterator]().next().value'])('%s', (read) =>
    expectEqual(`${BEFORE} for (const v of V([1, 5])) xs.push(v); r = ${read}; ${AFTER}`),
  );
});

describe('an array with holes is an error', () => {
  it.each(['delete xs[0]', 'xs[5] = 9', 'xs.length += 2', 'const e = new Array(3); if (T(2) > 1) e[0] = 1'])(
    '%s',
    (change) => expectRefused(`${BEFORE} if (T(2) > 5) { ${change}; } ${AFTER}`, /An array that has or gets holes/),
  );
});
