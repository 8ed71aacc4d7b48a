import { describe, expect, it } from 'vitest';
import { judge } from '../compiler/fuzz/verdict.ts';
import { traced } from './differential.ts';
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

describe('what a block returns', () => {
  const front = 'class C { v: any; constructor(v: any) { this.v = v; } } let b: any; if (t(-1) > 0) b = t(7);';
  it.each([
    'new Map([[1, t(1)]])',
    'new Map([[1, b]])',
    '{ m: [new Map([[1, [t(1)]]])] }',
    'new C(t(1))',
    'new C(b)',
    '{ c: [new C({ d: new C(t(1)) })] }',
  ])('holds no value of the trace: %s', async (result) => {
    const ended = await traced({ body: `${front} return ${result};` });
    expect(ended).toHaveProperty('error', expect.stringMatching(/^program\.ts:4:.* holds a value of the trace/));
  });

  it.each(['null', 'undefined'])('nor an error that is not ours, where %s is asked in a branch', async (nothing) => {
    for (const use of ['o.x', 'o[0]', 'o.length', 'o.f()', '(o.x = 1)']) {
      const ended = await traced({
        body: `const o: any = ${nothing}; let z: any = 1; if (t(-1) > 0) z = ${use}; return save(z);`,
      });
      expect(ended).toHaveProperty('error', expect.stringMatching(/^program\.ts:4:.* has no /));
    }
  });
});
