import { beforeEach, describe, expect, it } from 'vitest';
import { type RanInSegments, type Tier, Tiers } from '../../runtime/partition/tiers.ts';

let released: string[];
let tiers: Tiers;
beforeEach(() => {
  released = [];
  tiers = new Tiers((block) => released.push(block), false, 1);
});

/** A run of seven sessions, each of which costs 0.2 ms to hand over to. */
const RUN: RanInSegments = {
  size: 16,
  milliseconds: 2,
  sessions: 7,
  isWhole: true,
  handover: 0.2,
  creation: 500,
};

/** Runs a block until it no longer runs in segments; after how many runs it did not. */
function runsUntilBetter(block: string, ran: Partial<RanInSegments> = {}): number | null {
  for (let runs = 1; runs <= 1000; runs++) {
    tiers.ranInSegments(block, { ...RUN, ...ran });
    if (tiers.of(block) !== 'segments') return runs;
  }
  return null;
}

function repeat(times: number, tier: Exclude<Tier, 'segments'>, milliseconds: number, size = 16): void {
  for (let i = 0; i < times; i++) {
    if (tier === 'one') tiers.ranAsOne('a', { size, milliseconds });
    else tiers.ranWithTaps('a', { size, milliseconds, sessions: 3, creation: null, isNew: false });
  }
}

it('a block becomes one session when handing over has cost what the session costs', () => {
  expect(tiers.of('a')).toBe('segments');
  expect(runsUntilBetter('a')).toBe(417);
  expect([tiers.of('a'), tiers.of('b')]).toEqual(['one', 'segments']);
  expect(runsUntilBetter('b', { creation: 239 })).toBe(200);
});

it('what handing over costs is what a session took that computes nothing, as far as that can be', () => {
  expect(runsUntilBetter('quick', { handover: 0.1 })).toBe(834);
  expect(runsUntilBetter('computes much', { handover: 300, creation: 600 })).toBeGreaterThan(9);
});

it('until it was measured it is taken to be what it was elsewhere', () => {
  expect(runsUntilBetter('a', { handover: null })).toBe(417);
});

it('where a session costs next to nothing, a block has its own after a few runs', () => {
  expect(runsUntilBetter('a', { creation: 40 })).toBe(8);
  expect(runsUntilBetter('shares what was computed', { creation: 40, isWhole: false })).toBe(34);
  expect(runsUntilBetter('front', { creation: 40, sessions: 1 })).toBeNull();
});

it('where there is room for it, a session that takes twice as long needs four times as many runs', () => {
  tiers = new Tiers((block) => released.push(block));
  expect(runsUntilBetter('a', { creation: 100 })).toBe(8);
  expect(runsUntilBetter('b', { creation: 200 })).toBe(32);
  expect(runsUntilBetter('c', { creation: 2000 })).toBeNull();
});

describe('with taps, in advance', () => {
  beforeEach(() => {
    tiers = new Tiers(() => {}, true, 1);
  });

  it('runs that are sure to come pay for taps in advance', () => {
    expect([1, 7, 8].map((runs) => tiers.of('a', runs))).toEqual(['segments', 'segments', 'taps']);
    tiers.ranInSegments('a', RUN);
    // Six hand-overs of 0.2 ms a run, against 500.
    expect([8, 416, 417].map((runs) => tiers.of('b', runs))).toEqual(['segments', 'segments', 'taps']);
  });

  it('a session with taps that is there serves all, and more taps have to pay anew', () => {
    tiers.ranWithTaps('a', { size: 16, milliseconds: 2, sessions: 3, creation: 500, isNew: true });
    expect([tiers.of('b'), tiers.payNow(1)]).toEqual(['taps', false]);
    for (let i = 0; i < 417; i++) tiers.ranInSegments('b', RUN);
    expect(tiers.payNow(1)).toBe(true);
  });
});

it('one whose session costs too much, or that is one session, stays', () => {
  expect(runsUntilBetter('large', { creation: 1e6 })).toBeNull();
  expect(runsUntilBetter('front', { sessions: 1 })).toBeNull();
});

it('one of which it is not known what compiling it takes waits until it is', () => {
  expect(runsUntilBetter('a', { creation: null })).toBeNull();
  expect(runsUntilBetter('a')).toBe(1);
});

it('one that seems slower is compared with segments anew, and goes back if it is', () => {
  runsUntilBetter('a', { creation: 40 });
  tiers.ranInSegments('a', RUN);
  repeat(15, 'one', 3);
  expect(tiers.of('a')).toBe('one');
  repeat(1, 'one', 3);
  expect([tiers.of('a'), released]).toEqual(['segments', []]);
  for (let i = 0; i < 9; i++) tiers.ranInSegments('a', { ...RUN, creation: 40 });
  expect([tiers.of('a'), released]).toEqual(['segments', ['a']]);
});

it('it is tried again when handing over has cost a few times as much', () => {
  runsUntilBetter('a', { creation: 40 });
  tiers.ranInSegments('a', RUN);
  repeat(16, 'one', 3);
  for (let i = 0; i < 8; i++) tiers.ranInSegments('a', { ...RUN, creation: 40 });
  expect(runsUntilBetter('a', { creation: 40 })).toBeGreaterThan(30);
  expect(tiers.of('a')).toBe('one');
});

it('one whose machine was slow for a while stays', () => {
  runsUntilBetter('a', { creation: 40 });
  tiers.ranInSegments('a', RUN);
  repeat(16, 'one', 30);
  expect(tiers.of('a')).toBe('segments');
  for (let i = 0; i < 9; i++) tiers.ranInSegments('a', { ...RUN, milliseconds: 28 });
  expect([tiers.of('a'), released]).toEqual(['one', []]);
});

it('one that is as fast stays one session, and longer inputs are no reason to go back', () => {
  runsUntilBetter('a');
  repeat(20, 'one', 2.1);
  repeat(20, 'one', 40, 512);
  expect(tiers.of('a')).toBe('one');
});

it('one that could not be compiled stays in segments', () => {
  runsUntilBetter('a');
  tiers.refuse('a');
  expect(runsUntilBetter('a')).toBeNull();
});

it('of many different blocks those that ran longest ago are forgotten, and their sessions released', () => {
  runsUntilBetter('a');
  for (let i = 0; i < 300; i++) tiers.ranInSegments(`b${i}`, RUN);
  expect(released).toEqual(['a']);
  expect(tiers.of('a')).toBe('segments');
});

describe('with taps', () => {
  beforeEach(() => {
    tiers = new Tiers((block) => released.push(block), true, 1);
  });

  it('all blocks share the session when handing over has cost them together what it costs', () => {
    for (let i = 0; i < 416; i++) tiers.ranInSegments(`b${i % 200}`, RUN);
    expect(tiers.of('b0')).toBe('segments');
    tiers.ranInSegments('b0', RUN);
    expect([tiers.of('b0'), tiers.of('new')]).toEqual(['taps', 'taps']);
  });

  it('one that they cannot do has a session of its own when that pays', () => {
    expect(runsUntilBetter('a')).toBe(417);
    tiers.refuseTaps('a');
    expect(tiers.of('a')).toBe('segments');
    expect(runsUntilBetter('a')).toBe(1);
    expect(tiers.of('a')).toBe('one');
  });

  it('one that is slower with them goes back to segments', () => {
    runsUntilBetter('a');
    repeat(16, 'taps', 3);
    expect(tiers.of('a')).toBe('segments');
    for (let i = 0; i < 9; i++) tiers.ranInSegments('a', RUN);
    expect(tiers.of('a')).not.toBe('taps');
    for (let i = 0; i < 417; i++) tiers.ranInSegments('b', RUN);
    expect(tiers.of('b')).toBe('taps');
  });

  it('where a session costs next to nothing each block has its own instead', () => {
    expect(runsUntilBetter('a', { creation: 40 })).toBe(8);
    expect(tiers.of('a')).toBe('one');
  });
});

describe('with taps, where there is room for sessions of blocks beside them', () => {
  beforeEach(() => {
    tiers = new Tiers((block) => released.push(block), true, 2);
  });

  it('one that comes often has its own, and others that come seldom share the one with taps', () => {
    expect(runsUntilBetter('a')).toBe(200);
    expect(tiers.of('a')).toBe('one');
    for (let i = 0; i < 416; i++) tiers.ranInSegments(`b${i}`, RUN);
    expect(tiers.of('new')).toBe('segments');
    tiers.ranInSegments('new', RUN);
    expect(tiers.of('new')).toBe('taps');
  });

  it('one goes on from taps to its own when handing over has cost it as much', () => {
    for (let i = 0; i < 417; i++) tiers.ranInSegments(`b${i}`, RUN);
    expect(tiers.of('a')).toBe('taps');
    // Two hand-overs of 0.2 ms a run, against 500.
    repeat(1240, 'taps', 2);
    expect(tiers.of('a')).toBe('taps');
    repeat(20, 'taps', 2);
    expect(tiers.of('a')).toBe('one');
  });
});

it('one is brief if its last runs with inputs of this size were', () => {
  expect(tiers.isBrief('a', 16)).toBe(false);
  tiers.ranInSegments('a', RUN);
  // Of another size it is not known: it may grow with the square.
  expect([113, 114, 8].map((size) => tiers.isBrief('a', size))).toEqual([true, false, true]);
  tiers.ranInSegments('a', { ...RUN, size: 512, milliseconds: 101 });
  expect([tiers.isBrief('a', 16), tiers.isBrief('a', 512)]).toEqual([true, false]);
});

describe('sessions of blocks', () => {
  beforeEach(() => {
    tiers = new Tiers((block) => released.push(block), false, 2);
  });

  const own = (blocks: readonly string[]) => blocks.filter((block) => tiers.of(block) === 'one');

  it('are bounded: blocks that take turns do not push each other out', () => {
    const blocks = ['a', 'b', 'c', 'd'];
    for (let i = 0; i < 40; i++) {
      for (const block of blocks) {
        if (tiers.of(block) === 'one') tiers.ranAsOne(block, { size: 16, milliseconds: 2 });
        else tiers.ranInSegments(block, { ...RUN, creation: 40 });
      }
    }
    expect([own(blocks), released]).toEqual([['a', 'b'], []]);
  });

  it('go to a block that comes often from one that came no more', () => {
    for (const block of ['a', 'b', 'c']) runsUntilBetter(block, { creation: 40 });
    expect([own(['a', 'b', 'c']), released]).toEqual([['b', 'c'], ['a']]);
  });
});
