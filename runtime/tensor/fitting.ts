import type { DType } from '../graph/types.ts';
import { isFloatDType } from './storage.ts';
import type { AnyTensor, Tensor } from './tensor.ts';

/** The same elements as `dtype`. Throws a RangeError for whole numbers that do not fit. */
export function fitting(given: AnyTensor, dtype: DType): Tensor {
  const tensor = given.to(dtype) as Tensor;
  if (isFloatDType(dtype) || dtype === 'bool') return tensor;
  const { data } = given;
  const wrong = tensor.data.findIndex((element, i) => Number(element) !== Number(data[i]));
  if (wrong >= 0) throw new RangeError(`${data[wrong]} does not fit in ${dtype}`);
  return tensor;
}
