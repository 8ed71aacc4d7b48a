import { expect, it } from 'vitest';
import { Tapping } from '../../runtime/partition/tapping.ts';

/** After how many runs of a block in its segments taps pay. */
function runsUntil(segments: readonly (number | null)[]): number | null {
  const tapping = new Tapping();
  for (let runs = 1; runs <= 1000; runs++) if (tapping.pays(segments)) return runs;
  return null;
}

it('pay at once where a segment is not there', () => {
  expect(runsUntil([10, null, 10])).toBe(1);
  expect(runsUntil([null])).toBe(1);
});

it('pay later where all are, when handing over has cost what creating the segments did', () => {
  expect(runsUntil([10, 10, 10, 10, 10, 10])).toBe(60);
  expect(runsUntil([1, 1, 1, 1, 1, 1])).toBe(6);
});

it('never pay for a block that is one segment', () => {
  expect(runsUntil([100])).toBeNull();
});

it('pay for all blocks together', () => {
  const tapping = new Tapping();
  for (let i = 0; i < 10; i++) expect(tapping.pays([4, 4])).toBe(false);
  for (let i = 0; i < 14; i++) expect(tapping.pays([2, 3, 3])).toBe(false);
  expect(tapping.pays([2, 3, 3])).toBe(true);
});
