import { type InputsRule, OperationError, type Operations } from '../operation.ts';
import { withConstant } from './constants.ts';
import { sizeOf } from './dims.ts';
import { input } from './inputs.ts';
import { shapeFromOperand } from './shape-operand.ts';

function triangle(op: string): InputsRule {
  return {
    infer(inputs) {
      const { dtype, shape } = input(inputs, 0);
      if (shape !== null && shape.length < 2) {
        throw new OperationError(`${op}: input tensor must have at least 2 dimensions, but has ${shape.length}`);
      }
      return [{ dtype, shape }];
    },
  };
}

const full: InputsRule = {
  infer(inputs) {
    const [sizes, value] = [input(inputs, 0), input(inputs, 1)];
    const shape = shapeFromOperand(sizes);
    const negative = shape?.find((dim) => dim !== null && dim < 0);
    if (negative !== undefined) {
      throw new OperationError(`Trying to create tensor with negative dimension ${negative}: [${shape}]`);
    }
    if (value.shape !== null && value.shape.length > 0) {
      throw new OperationError(`full() takes one value, but got a tensor with ${value.shape.length} dimensions`);
    }
    const size = sizeOf(shape);
    const elements = value.constant && size !== null && size <= 1024 ? Array(size).fill(value.constant[0]) : null;
    return [withConstant(value.dtype, shape, elements)];
  },
};

/** Tensors made from a pattern. */
export const creation: Operations<'triu' | 'tril' | 'full'> = { triu: triangle('triu'), tril: triangle('tril'), full };
