import { broadcastShapes } from '../broadcast.ts';
import { type Operation, OperationError, type Operations } from '../operation.ts';
import { isFloat } from '../promotion.ts';
import type { Dim, DType, Shape, TensorType } from '../types.ts';
import { einsumShape } from './einsum.ts';
import { input } from './inputs.ts';

/** The common element type of a product, which PyTorch does not promote. */
function productType(inputs: readonly TensorType[]): DType {
  const { dtype } = input(inputs, 0);
  const other = inputs.find((type) => type.dtype !== dtype);
  if (other) {
    throw new OperationError(
      `expected scalar type ${dtype} but found ${other.dtype}: products convert nothing. Convert one of them with to('${isFloat(other.dtype) ? other.dtype : dtype}')`,
    );
  }
  if (dtype === 'bool')
    throw new OperationError("it takes numbers, but the tensors are bool. Convert them with to('float32')");
  return dtype;
}

function matmulShape(a: Shape, b: Shape): Shape {
  if (a?.length === 0 || b?.length === 0) {
    throw new OperationError(
      `both arguments to matmul need to be at least 1D, but they are ${a?.length ?? 'N'}D and ${b?.length ?? 'N'}D. Use * for a tensor without dimensions`,
    );
  }
  if (a === null || b === null) return null;
  const rows = a.length > 1 ? [a.at(-2)!] : [];
  const columns = b.length > 1 ? [b.at(-1)!] : [];
  const [inner, other] = [a.at(-1)!, b.length > 1 ? b.at(-2)! : b[0]!];
  if (inner !== null && other !== null && inner !== other) throw mismatch(a, b);
  return [...broadcastShapes(a.slice(0, -2), b.slice(0, -2))!, ...rows, ...columns];
}

function mismatch(a: readonly Dim[], b: readonly Dim[]): OperationError {
  if (a.length === 1 && b.length === 1) {
    return new OperationError(
      `inconsistent tensor size, expected tensor [${a}] and src [${b}] to have the same number of elements, but got ` +
        `${a} and ${b} elements respectively`,
    );
  }
  const matrix = (shape: readonly Dim[]): string => {
    const rows = shape.slice(0, -1).reduce<Dim>((size, dim) => (size === null || dim === null ? null : size * dim), 1);
    return `${rows ?? '?'}x${shape.at(-1)}`;
  };
  if (b.length === 1) {
    return new OperationError(`size mismatch, got input (${matrix(a).split('x')[0]}), mat (${matrix(a)}), vec (${b})`);
  }
  if (b.length === 2) {
    return new OperationError(
      `mat1 and mat2 shapes cannot be multiplied (${matrix(a)} and ${matrix(b)}): the last dimension of the first must be the last but one of the second. Perhaps the second has to be transposed: transpose(-2, -1)`,
    );
  }
  return new OperationError(
    `Expected size for first two dimensions of batch2 tensor to match the last dimension of batch1 (${a.at(-1)}), but ` +
      `got ${b.at(-2)}. Perhaps the second has to be transposed: transpose(-2, -1)`,
  );
}

const matmul: Operation<'matmul'> = {
  infer(inputs, { turned }) {
    const [a, b] = [input(inputs, 0), input(inputs, 1)];
    const shape = turned && b.shape ? b.shape.toReversed() : b.shape;
    return [{ dtype: productType([a, b]), shape: matmulShape(a.shape, shape) }];
  },
};

const einsum: Operation<'einsum'> = {
  infer(inputs, { equation }) {
    const dtype = productType(inputs);
    return [
      {
        dtype,
        shape: einsumShape(
          equation,
          inputs.map((type) => type.shape),
        ),
      },
    ];
  },
};

/** Products of matrices. */
export const linalg: Operations<'matmul' | 'einsum'> = { matmul, einsum };
