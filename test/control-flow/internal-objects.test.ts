import { describe, expect, it } from 'vitest';
import { judge } from '../compiler/fuzz/verdict.ts';
import { PLACES, VALUES } from './internal-places.ts';

describe.each(Object.entries(VALUES))('%s', (_, make) => {
  it('is what JavaScript says, or an error, wherever it goes', { timeout: 120_000 }, async () => {
    const wrong: unknown[] = [];
    for (const [index, place] of PLACES.entries()) {
      const n = index % 2 === 0 ? 1 : -1;
      const verdict = await judge(`function run({ T, V, library, Cell }) { ${make(n)} return { at: ${place} }; }`);
      // What JavaScript throws at, or makes no number of, is no number here either; and what is not compiled says so.
      const isOfLibrary = /TraceError: .* was not compiled/.test(verdict.ends.traced);
      const isRight = ['equal', 'refused', 'unfit'].includes(verdict.kind) || isOfLibrary;
      if (!isRight) wrong.push({ place, ...verdict.ends });
    }
    expect(wrong).toEqual([]);
  });
});
