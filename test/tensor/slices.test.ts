import { describe, expect, it } from 'vitest';
import { isSliceString, parseSlices } from '../../runtime/tensor/slices.ts';

const slice = (start: number | null, stop: number | null, step: number | null = null) => ({
  kind: 'slice',
  start,
  stop,
  step,
});

describe('parseSlices', () => {
  it.each([
    ['0', [{ kind: 'int', value: 0 }]],
    ['-1', [{ kind: 'int', value: -1 }]],
    [':', [slice(null, null)]],
    [':, -1', [slice(null, null), { kind: 'int', value: -1 }]],
    ['..., 3:5', [{ kind: 'ellipsis' }, slice(3, 5)]],
    ['::2', [slice(null, null, 2)]],
    ['-3:, None,::-1', [slice(-3, null), { kind: 'newaxis' }, slice(null, null, -1)]],
    ['1,', [{ kind: 'int', value: 1 }]],
    ['...', [{ kind: 'ellipsis' }]],
  ])('%s', (key, items) => {
    expect(isSliceString(key)).toBe(true);
    expect(parseSlices(key)).toEqual(items);
  });

  it.each([
    [':, i', "in the index ':, i', 'i' is not an integer; to use a variable, write a template string: [`"],
    ['1:2:3:4', "in the index '1:2:3:4', '1:2:3:4' has too many colons: a slice is start:stop:step"],
    ['::0', "slice step cannot be zero (in the index '::0')"],
    ['..., ...', "an index can only have a single ellipsis ('...'), but '..., ...' has more"],
    [':, , 1', "the index ':, , 1' has an empty part: write ':' for a whole dimension"],
    ['1.5:', "in the index '1.5:', '1.5' is not an integer, an integer, a slice, '...' or 'None' was expected"],
  ])('%s is an error', (key, message) => {
    expect(isSliceString(key)).toBe(true);
    expect(() => parseSlices(key)).toThrow(message);
  });

  it('leaves names of members alone', () => {
    for (const key of ['data', 'then', 'toString', 'h0', '']) expect(isSliceString(key)).toBe(false);
  });
});
