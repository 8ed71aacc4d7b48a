import { it } from 'vitest';
import { expectEqual } from '../control-flow/programs.ts';

/** Functions and operators of whole numbers (int64) of both signs. */
it.each(['I(-5)', 'I(5)', 'I(0)'])('of %s', (x) =>
  expectEqual(
    `const x = ${x}; return { abs: Math.abs(x), up: Math.ceil(x), down: Math.floor(x), near: Math.round(x), whole: Math.trunc(x), sign: Math.sign(x),
      least: Math.min(x, 1), most: Math.max(x, 1), root: Math.cbrt(x * x * x), length: Math.hypot(x, 12), power: x ** 3, rest: x % 3, half: x / 2,
      turned: -x, bits: x | 2, others: ~x, is: [x > 0, x === 5, !x] };`,
  ),
);
