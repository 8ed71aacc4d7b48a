import fc from 'fast-check';
import { Tensor as OrtTensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { readable } from '../../runtime/ort/node/halves.ts';
import { decodeFloat16, encodeFloat16 } from '../../runtime/tensor/float16.ts';
import { Tensor } from '../../runtime/tensor/tensor.ts';

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

describe('a Float16Array, which newer engines have and ONNX Runtime then uses', () => {
  /** It has the bits of halves under the name that such an array has. */
  class Float16Array extends Uint16Array<ArrayBuffer> {
    override get [Symbol.toStringTag](): never {
      return 'Float16Array' as never;
    }
  }

  it('is taken for its bits, without a copy', () => {
    const halves = new Float16Array(new Uint16Array([0x3c00, 0x3e00]).buffer);
    const tensor = new Tensor('float16', [2], halves);
    expect([...tensor.data]).toEqual([1, 1.5]);
    expect(tensor.raw.constructor).toBe(Uint16Array);
    expect(tensor.raw.buffer).toBe(halves.buffer);
  });

  it('is given to a session as its bits', () => {
    const data = new Float16Array(new Uint16Array([0x3c00]).buffer);
    const [x, y] = [{ type: 'float16', dims: [1], data }, new OrtTensor('float32', [1], [1])];
    const feeds = readable({ x, y });
    expect(feeds.x).toMatchObject({ type: 'float16', dims: [1], data: new Uint16Array([0x3c00]) });
    expect(feeds.y).toBe(y);
  });
});
