import { beforeEach, describe, expect, it } from 'vitest';
import { BLOCKS, BlockSessions } from '../../runtime/partition/block-sessions.ts';
import { segmentationFor } from '../../runtime/partition/segmentation.ts';

const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

let released: string[];
let sessions: BlockSessions;
beforeEach(() => {
  released = [];
  sessions = new BlockSessions((block) => released.push(block));
});
const take = (block: string) => sessions.take(block, false);

describe('which blocks run as one session', () => {
  it('the first ones, from their first run', () => {
    for (const block of names('a', BLOCKS)) expect(take(block)).toBe(true);
    expect(take('new')).toBe(false);
    for (const block of names('a', BLOCKS)) expect(take(block)).toBe(true);
    expect(released).toEqual([]);
  });

  it('a patient one from its second run, while there is room', () => {
    expect(sessions.take('reads', true)).toBe(false);
    expect(sessions.take('reads', true)).toBe(true);
  });

  it('a new one from its second run, in the place of the one that ran longest ago', () => {
    for (const block of [...names('a', BLOCKS), 'a0', 'new', 'new']) take(block);
    expect(released).toEqual(['a1']);
    expect(take('new')).toBe(true);
    expect(take('a1')).toBe(false);
  });

  it('those of a sweep, which run once each, push nobody out', () => {
    for (const block of names('a', BLOCKS)) take(block);
    for (const block of names('sweep', 400)) expect(take(block)).toBe(false);
    expect(released).toEqual([]);
  });

  it('those that take turns do not push each other out', () => {
    for (let turn = 0; turn < 5; turn++) for (const block of names('a', BLOCKS + 3)) take(block);
    expect(released).toEqual([]);
  });
});

describe('how models are cut', () => {
  it('by the device, unless the environment says it', () => {
    expect(segmentationFor('cpu', '')).toBe('auto');
    expect(segmentationFor('webgpu', '')).toBe('layers');
    expect(segmentationFor('cuda', '')).toBe('blocks');
    expect(segmentationFor('cuda', 'layers')).toBe('layers');
    expect(segmentationFor('cpu', 'blocks')).toBe('blocks');
    expect(() => segmentationFor('cuda', 'whole')).toThrow(
      "ONNSIGHT_SEGMENTS is 'whole'. Set it to auto, taps, layers, modules, off, blocks.",
    );
  });
});
