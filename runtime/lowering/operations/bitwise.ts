import type { Emitter, LowerPlain } from '../emitter.ts';
import { castTo } from './kernels.ts';
import { reduce } from './reduce.ts';
import { ints, unsqueeze } from './sizes.ts';

/** The operator set that brought BitwiseAnd and its kin. */
const NATIVE = 18;

/** Bitwise on whole numbers, logical on bools. */
export function bitwise(op: 'And' | 'Or' | 'Xor'): LowerPlain {
  return (emitter, [left, right], _, [output]) => {
    const { dtype } = output!;
    const [a, b] = [castTo(emitter, left!, dtype), castTo(emitter, right!, dtype)];
    if (dtype === 'bool') return [emitter.node(op, [a, b])];
    if (emitter.opset >= NATIVE) return [emitter.node(`Bitwise${op}`, [a, b])];
    const [x, y] = [emitter.cast(a, dtype, 'int64'), emitter.cast(b, dtype, 'int64')];
    const both = commonBits(emitter, x, y, output!.shape?.length ?? -1);
    return [emitter.cast(op === 'And' ? both : without(emitter, op, x, y, both), 'int64', dtype)];
  };
}

/** a | b = a + b - (a & b) and a ^ b = a + b - 2 (a & b), in numbers that wrap around. */
function without(emitter: Emitter, op: 'Or' | 'Xor', a: string, b: string, both: string): string {
  const once = emitter.node('Sub', [emitter.node('Add', [a, b]), both]);
  return op === 'Or' ? once : emitter.node('Sub', [once, both]);
}

/** The low bits in one word, and the high ones without the sign in another: ONNX Runtime adds int64 as float64. */
const LOW = 32;
const BITS = Array.from({ length: 63 }, (_, bit) => bit);

/**
 * a & b by arithmetic: the 63 low bits one by one along a new dimension, where both are set, and the sign. Slow, but
 * the only way before operator set 18. The new dimension is number `dim` of the result.
 */
function commonBits(emitter: Emitter, a: string, b: string, dim: number): string {
  const powers = ints(
    emitter,
    BITS.map((bit) => 2 ** bit),
  );
  const two = emitter.constant('int64', [2]);
  const bits = (x: string): string => {
    const column = unsqueeze(emitter, x, [-1]);
    const floored = emitter.node('Sub', [column, emitter.node('Mod', [column, powers])]);
    return emitter.node('Mod', [emitter.node('Div', [floored, powers]), two]);
  };
  const shared = emitter.node('Mul', [bits(a), bits(b)]);
  const word = (weight: (bit: number) => number): string =>
    reduce(emitter, 'ReduceSum', emitter.node('Mul', [shared, ints(emitter, BITS.map(weight))]), [dim], false);
  const low = word((bit) => (bit < LOW ? 2 ** bit : 0));
  const high = emitter.node('Mul', [
    word((bit) => (bit < LOW ? 0 : 2 ** (bit - LOW))),
    emitter.constant('int64', [2 ** LOW]),
  ]);
  const zero = emitter.constant('int64', [0]);
  const negative = emitter.node('And', [emitter.node('Less', [a, zero]), emitter.node('Less', [b, zero])]);
  const sign = emitter.node('Where', [negative, emitter.constant('int64', [-(2 ** 63)]), zero]);
  return emitter.node('Add', [emitter.node('Add', [low, high]), sign]);
}

export const bitwiseNot: LowerPlain = (emitter, [x]) => {
  const { name, type } = x!;
  if (type.dtype === 'bool') return [emitter.node('Not', [name])];
  if (emitter.opset >= NATIVE) return [emitter.node('BitwiseNot', [name])];
  const inverted = emitter.node('Sub', [emitter.constant('int64', [-1]), castTo(emitter, x!, 'int64')]);
  return [emitter.cast(inverted, 'int64', type.dtype)];
};
