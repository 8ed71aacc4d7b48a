import type { TensorType, Value } from '../graph/types.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { Builder } from './builder.ts';

const blanksOf = new WeakMap<Builder, Map<string, Value>>();
const truths = new WeakMap<Value, boolean>();

/** A tensor that stands where there is none and nobody looks: one element, or none, of the dtype. */
export function blank(target: Builder, { dtype, shape }: TensorType): Value {
  const dims = shape?.length === 0 ? [] : [0];
  return shared(target, `${dtype}${dims}`, () => Tensor.from(dims.length === 0 ? 0 : [], dtype, dims));
}

/** True or false as a value of the graph. */
export function truthValue(target: Builder, is: boolean): Value {
  const value = shared(target, String(is), () => Tensor.from(is));
  truths.set(value, is);
  return value;
}

/** Whether a value is one of those two; null if it isn't. */
export function constantTruth(value: Value): boolean | null {
  return truths.get(value) ?? null;
}

/** One operand of a builder for all who need it. */
function shared(target: Builder, key: string, make: () => unknown): Value {
  const known = blanksOf.get(target) ?? new Map<string, Value>();
  blanksOf.set(target, known);
  let value = known.get(key);
  if (!value) {
    const { dtype, dims, raw } = make() as Tensor;
    value = target.operand({ dtype, shape: dims }, { dims, data: raw });
    known.set(key, value);
  }
  return value;
}
