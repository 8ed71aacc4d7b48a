import { Tensor } from 'onnsight';
import { expect, it } from 'vitest';

/** numpy.array([0.1, 65504, -2, 1e-7, inf, -0.0], 'float16').view('uint16') */
const BITS = [0x2e66, 0x7bff, 0xc000, 0x0002, 0x7c00, 0x8000];
/** numpy.array(BITS, 'uint16').view('float16').astype('float32') */
const NUMBERS = [0.0999755859375, 65504, -2, 1.1920928955078125e-7, Number.POSITIVE_INFINITY, -0];

it('half precision comes as float32 and as it is', () => {
  const tensor = Tensor.from([0.1, 65504, -2, 1e-7, Number.POSITIVE_INFINITY, -0], 'float16');
  expect(tensor.data).toBeInstanceOf(Float32Array);
  expect([...tensor.data]).toEqual(NUMBERS);
  expect(tensor.raw).toEqual(Uint16Array.from(BITS));
  expect([...(tensor.to('float32') as Tensor).data]).toEqual(NUMBERS);
});

const { Float16Array } = globalThis as { Float16Array?: new (from: unknown, at?: number, length?: number) => object };

it.skipIf(!Float16Array)('a Float16Array goes in, and is made of the bits without a copy', () => {
  const tensor = Tensor.from(new Float16Array!(NUMBERS) as never);
  expect(tensor.dtype).toBe('float16');
  expect(tensor.raw).toEqual(Uint16Array.from(BITS));
  const { buffer, byteOffset, length } = tensor.raw as unknown as Uint16Array;
  expect([...(new Float16Array!(buffer, byteOffset, length) as Iterable<number>)]).toEqual(NUMBERS);
});
