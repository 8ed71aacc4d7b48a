import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFloat16, encodeFloat16 } from '../../runtime/tensor/float16.ts';

describe('float16', () => {
  it('brings every half back', () => {
    for (let half = 0; half < 0x10000; half++) {
      const value = decodeFloat16(half);
      if (Number.isNaN(value)) expect(Number.isNaN(decodeFloat16(encodeFloat16(value)))).toBe(true);
      else if (encodeFloat16(value) !== half) expect.fail(`${half} became ${encodeFloat16(value)}`);
    }
  });

  it('rounds to the nearest, ties to even', () => {
    expect(encodeFloat16(1 + 2 ** -11)).toBe(0x3c00);
    expect(encodeFloat16(1 + 3 * 2 ** -11)).toBe(0x3c02);
    expect(encodeFloat16(2 ** -25)).toBe(0);
    expect(encodeFloat16(1.5 * 2 ** -25)).toBe(1);
    expect(encodeFloat16(65519)).toBe(0x7bff);
    expect(encodeFloat16(65520)).toBe(0x7c00);
    fc.assert(
      fc.property(fc.float({ min: -60000, max: 60000, noNaN: true }), (value) => {
        const half = encodeFloat16(value);
        const error = Math.abs(decodeFloat16(half) - value);
        const neighbours = [half - 1, half + 1].map((other) => Math.abs(decodeFloat16(other & 0xffff) - value));
        return neighbours.every((other) => !(other < error));
      }),
    );
  });
});
