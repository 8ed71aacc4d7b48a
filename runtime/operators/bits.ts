import * as f from '../functions/index.ts';
import { dtypeOf, isTraced } from '../functions/nodes.ts';
import { isFloatDType } from '../tensor/storage.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import { asNumber, isSingle } from './numbers.ts';

/*
 * JavaScript's operators of bits, on single traced numbers: fractions lose what is behind the point, and all is done in 32
 * bits. `&`, `|`, `^` and `~` of whole numbers and of tensors are PyTorch's, and tensors have no shifts.
 */

const SHIFTS: ReadonlySet<string> = new Set(['<<', '>>', '>>>']);
const ALL: ReadonlySet<string> = new Set(['&', '|', '^', ...SHIFTS]);

/** Whether an operator is JavaScript's own here: on numbers alone, one of them a fraction, or a shift. */
export function isBitwise(operator: string, a: unknown, b: unknown): boolean {
  if (!ALL.has(operator) || ![a, b].every(isSingle)) return false;
  return SHIFTS.has(operator) || [a, b].some((x) => x instanceof TensorProxy && isFloatDType(x.dtype));
}

export function bitwise(operator: string, left: Operand, right: Operand): Traced {
  const [a, b] = [inBits(left), inBits(right)];
  switch (operator) {
    case '&':
      return f.bitwiseAnd(a, b);
    case '|':
      return f.bitwiseOr(a, b);
    case '^':
      return f.bitwiseXor(a, b);
    case '<<':
      return wrapped(f.mul(a, step(b)));
    case '>>':
      return f.floorDivide(a, step(b));
    default:
      return f.floorDivide(f.remainder(a, 2 ** 32), step(b));
  }
}

/** By what a shift multiplies or divides: of its bits the last five count. */
function step(bits: Operand): Operand {
  if (!isTraced(bits)) return 2 ** (Number(bits) & 31);
  return f.long(f.pow(2, f.double(f.bitwiseAnd(bits, 31))));
}

/** A whole number of 32 bits, one of them its sign; 0 of what is not finite. */
function inBits(given: Operand): Operand {
  const x = asNumber(given) as Operand;
  if (!isTraced(x)) return Number(x) | 0;
  if (!isFloatDType(dtypeOf(x))) return wrapped(f.long(x));
  const wide = f.double(x);
  const whole = f.trunc(f.where(f.lt(f.abs(wide), Number.POSITIVE_INFINITY), wide, 0));
  return wrapped(f.long(f.remainder(whole, 2 ** 32)));
}

function wrapped(x: Traced): Traced {
  return f.sub(f.remainder(f.add(x, 2 ** 31), 2 ** 32), 2 ** 31);
}
