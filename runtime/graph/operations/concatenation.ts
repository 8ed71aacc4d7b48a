import { type Operation, OperationError, type Operations } from '../operation.ts';
import { promoteDtypes } from '../promotion.ts';
import type { Dim, Shape, TensorType } from '../types.ts';
import { withConstant } from './constants.ts';
import { normaliseDim, printShape } from './dims.ts';
import { input } from './inputs.ts';

function catShape(inputs: readonly TensorType[], dim: number): Shape {
  const known = inputs.flatMap((type, position) => (type.shape === null ? [] : [{ shape: type.shape, position }]));
  const first = known[0];
  if (!first) return null;
  for (const { shape, position } of known) {
    if (shape.length === 0) {
      throw new OperationError(
        `zero-dimensional tensor (at position ${position}) cannot be concatenated: stack() makes one tensor of several without dimensions`,
      );
    }
    if (shape.length !== first.shape.length) {
      throw new OperationError(
        `Tensors must have same number of dimensions: got ${first.shape.length} and ${shape.length} (tensor number ${position}: ${printShape(shape)}). unsqueeze() adds one`,
      );
    }
  }
  const at = normaliseDim(dim, first.shape.length);
  return first.shape.map((_, i): Dim => {
    if (i === at) return known.length < inputs.length ? null : total(known.map(({ shape }) => shape[i]!));
    return known.reduce<Dim>((size, { shape, position }) => {
      const here = shape[i]!;
      if (size !== null && here !== null && size !== here) {
        throw new OperationError(
          `Sizes of tensors must match except in dimension ${at}. Expected size ${size} but got size ${here} for ` +
            `tensor number ${position} in the list, which has dims ${printShape(shape)}`,
        );
      }
      return size ?? here;
    }, null);
  });
}

function total(sizes: readonly Dim[]): Dim {
  return sizes.reduce<Dim>((sum, size) => (sum === null || size === null ? null : sum + size), 0);
}

const cat: Operation<'cat'> = {
  infer(inputs, { dim }) {
    const dtype = inputs.map((type) => type.dtype).reduce(promoteDtypes, input(inputs, 0).dtype);
    const shape = catShape(inputs, dim);
    const elements = inputs.map((type) => type.constant);
    const joined = shape?.length === 1 && elements.every((part) => part !== undefined) ? elements.flat() : null;
    return [withConstant(dtype, shape, joined)];
  },
};

export const concatenation: Operations<'cat'> = { cat };
