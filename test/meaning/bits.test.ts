import { it } from 'vitest';
import { expectEqual, expectRefused } from '../control-flow/programs.ts';

/** JavaScript's operators of bits, on fractions and on shifted numbers. */
it.each([
  ['not', 'return { n: [~T(3.7), ~~T(-3.7), ~~T(0.5), ~T(-1)] };'],
  [
    'what is behind the point goes',
    'return { n: [T(3.7) | 0, T(-3.7) | 0, T(6.9) ^ 3, 5 & T(7.2), T(-1) & T(7), T(-8) | T(3)] };',
  ],
  [
    'numbers beyond 32 bits wrap around',
    'return { n: [T(2147483648) | 0, T(4294967296) | 0, T(-2147483904) | 0, T(6442450944) ^ 5] };',
  ],
  ['what is not finite is 0', 'return { n: [T(0 / 0) | 0, T(Infinity) | 1, T(-Infinity) ^ 5, ~T(0 / 0)] };'],
  ['shifts', 'return { n: [T(7) << 2, T(7) >> 1, T(-7) >> 1, T(7) >>> 1, T(-7) >>> 28, T(3.9) << 1.9] };'],
  [
    'by more than there are bits',
    'return { n: [T(1) << 31, T(1) << 32, T(5) << T(33), T(5) >> T(-31), T(-5) >>> T(28)] };',
  ],
  ['of whole numbers', 'return { n: [I(7) >> 1, I(-7) >>> 28, I(7) << 3, I(1) << I(31), I(-9) >> I(1), 5 << I(3)] };'],
  ['of truth values', 'return { n: [(T(3) > 1) << 2, (T(3) > 1) | T(2), 6 >> (T(3) > 1)] };'],
  [
    'assigned',
    'let a = T(5.5), b = T(5.5), c = I(5), d = T(6); a |= 0; b >>= 1; c <<= 2; d &= 3; return { n: [a, b, c, d] };',
  ],
  ['as a position', 'const a = [1, 2, 3, 4]; return { n: a[T(3.7) | 0] + a[T(5) >> 1] };'],
  ['in a loop', 'let n = 0; for (const r of V([1, 2.5, 3])) n += (r | 0) << 1; return { n };'],
])('%s', (_, body) => expectEqual(body));

it('tensors have no shifts', () => expectRefused('return { n: V([1, 2]) << 1 };', /<< has no meaning for tensors/));
