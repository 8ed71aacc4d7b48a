import { beforeEach, expect, it } from 'vitest';
import { Tiers } from '../../runtime/partition/tiers.ts';

let released: string[];
let tiers: Tiers;
beforeEach(() => {
  released = [];
  tiers = new Tiers((block) => released.push(block));
});

/** Runs a block of six segments until it is one session; after how many runs it was. */
function runsUntilOne(block: string, creation: number | null, { size = 16, milliseconds = 2, segments = 6 } = {}) {
  for (let runs = 1; runs <= 1000; runs++) {
    tiers.ranInSegments(block, { size, milliseconds, segments, creation });
    if (tiers.isOne(block)) return runs;
  }
  return null;
}

it('a block becomes one session when handing over has cost what the session costs', () => {
  expect(tiers.isOne('a')).toBe(false);
  expect(runsUntilOne('a', 50)).toBe(50);
  expect(runsUntilOne('cheap', 5)).toBe(5);
  expect(tiers.isOne('b')).toBe(false);
});

it('one whose session costs too much, or that is one segment, stays', () => {
  expect(runsUntilOne('large', 1e6)).toBeNull();
  expect(runsUntilOne('front', 50, { segments: 1 })).toBeNull();
});

it('one of which it is not known what compiling it takes waits until it is', () => {
  expect(runsUntilOne('a', null)).toBeNull();
  expect(runsUntilOne('a', 50)).toBe(1);
});

it('one that is slower as one session goes back for good', () => {
  runsUntilOne('a', 50);
  for (let i = 0; i < 15; i++) tiers.ranAsOne('a', { size: 16, milliseconds: 3 });
  expect(tiers.isOne('a')).toBe(true);
  tiers.ranAsOne('a', { size: 16, milliseconds: 3 });
  expect(tiers.isOne('a')).toBe(false);
  expect(released).toEqual(['a']);
  expect(runsUntilOne('a', 50)).toBeNull();
});

it('one that is as fast stays one session, and longer inputs are no reason to go back', () => {
  runsUntilOne('a', 50);
  for (let i = 0; i < 20; i++) tiers.ranAsOne('a', { size: 16, milliseconds: 2.1 });
  for (let i = 0; i < 20; i++) tiers.ranAsOne('a', { size: 512, milliseconds: 40 });
  expect(tiers.isOne('a')).toBe(true);
});

it('one that could not be compiled stays in segments', () => {
  runsUntilOne('a', 50);
  tiers.refuse('a');
  expect(runsUntilOne('a', 50)).toBeNull();
});

it('of many different blocks those that ran longest ago are forgotten, and their sessions released', () => {
  runsUntilOne('a', 50);
  for (let i = 0; i < 300; i++) tiers.ranInSegments(`b${i}`, { size: 1, milliseconds: 1, segments: 6, creation: 50 });
  expect(released).toEqual(['a']);
  expect(tiers.isOne('a')).toBe(false);
});
