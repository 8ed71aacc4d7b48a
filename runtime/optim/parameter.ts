import { type FloatDType, Parameter as ParameterTensor } from '../tensor/parameter.ts';
import type { TensorData } from '../tensor/tensor.ts';

/**
 * A tensor that training changes: a steering vector, a probe, a low-rank update. In a block it is data from outside, so
 * that every step of a training runs the same compiled graph. After a trace with a backward pass its gradient has been
 * added to `grad`; an optimizer changes its elements in place. To the type checker it is a number, too, so that it can
 * stand beside an operator in a block.
 */
export type Parameter<D extends FloatDType = 'float32'> = number & ParameterTensor<D>;

export interface ParameterClass {
  /**
   * @param data numbers, nested arrays, a typed array or a tensor, of floats; its elements are copied
   * @throws TypeError for whole numbers or truths in a typed array or a tensor: these have no gradient
   */
  new <D extends FloatDType = 'float32'>(data: TensorData, dtype?: D): Parameter<D>;
  readonly prototype: ParameterTensor<FloatDType>;
}

export const Parameter: ParameterClass = ParameterTensor as unknown as ParameterClass;
