import type { TensorType, Value } from '../graph/types.ts';
import { type AnyTensor, Tensor } from '../tensor/tensor.ts';
import type { Builder } from './builder.ts';

/** A placeholder for a tensor that does not exist and is never used: one element, or none, of the dtype. */
export function blank(target: Builder, { dtype, shape }: TensorType): Value {
  const dims = shape?.length === 0 ? [] : [0];
  return shared(target, `${dtype}${dims}`, () => Tensor.from(dims.length === 0 ? 0 : [], dtype, dims));
}

/** True or false as a value of the graph. */
export function truthValue(target: Builder, is: boolean): Value {
  return shared(target, String(is), () => Tensor.from(is, 'bool'));
}

/** Whether a value is one of those two; null if it isn't. */
export function constantTruth(target: Builder, value: Value): boolean | null {
  return [true, false].find((is) => target.shared.get(String(is)) === value) ?? null;
}

/** An operand that a block has only once. */
function shared(target: Builder, key: string, make: () => AnyTensor): Value {
  let value = target.shared.get(key);
  if (!value) {
    const { dtype, dims, raw } = make();
    value = target.operand({ dtype, shape: dims }, { dims, data: raw });
    target.shared.set(key, value);
  }
  return value;
}
