import { type Operation, OperationError, type Operations } from '../operation.ts';
import type { Dim, Shape, TensorType } from '../types.ts';
import { normaliseDim, printShape, sizeAt, withDim } from './dims.ts';
import { input } from './inputs.ts';

function checkIndexType(op: string, index: TensorType): void {
  if (index.dtype !== 'int64' && index.dtype !== 'int32') {
    throw new OperationError(
      `${op}(): Expected dtype int32/int64 for index, but got ${index.dtype}. Convert it with to('int64')`,
    );
  }
}

function checkIndexRange(index: TensorType, size: Dim, dim: number): void {
  if (size === null) return;
  const outside = index.constant?.find((element) => element < -size || element >= size);
  if (outside !== undefined) {
    throw new OperationError(
      `index ${outside} is out of bounds for dimension ${dim} with size ${size}: indices run from ${-size} to ${size - 1}`,
    );
  }
}

/** The index of gather and scatter has the tensor's rank, and is not larger than it except along `dim`. */
function checkIndexShape(index: Shape, shape: Shape, dim: number): void {
  if (index === null || shape === null) return;
  if (index.length !== shape.length) {
    throw new OperationError(
      `Index tensor must have the same number of dimensions as input tensor, but got ${printShape(index)} and ${printShape(shape)}`,
    );
  }
  index.forEach((size, i) => {
    const limit = shape[i]!;
    if (i !== dim && size !== null && limit !== null && size > limit) {
      throw new OperationError(
        `Size does not match at dimension ${i} expected index ${printShape(index)} to be no larger than self ` +
          `${printShape(shape)} apart from dimension ${dim}`,
      );
    }
  });
}

const gather: Operation<'gather'> = {
  infer(inputs, { dim }) {
    const [x, index] = [input(inputs, 0), input(inputs, 1)];
    checkIndexType('gather', index);
    if (x.shape !== null) {
      const at = normaliseDim(dim, x.shape.length);
      checkIndexShape(index.shape, x.shape, at);
      checkIndexRange(index, sizeAt(x.shape, at), at);
    }
    return [{ dtype: x.dtype, shape: index.shape }];
  },
};

const scatter: Operation<'scatter'> = {
  infer(inputs, { dim, reduce }) {
    const [x, index, src] = [input(inputs, 0), input(inputs, 1), input(inputs, 2)];
    checkIndexType('scatter', index);
    if (src.dtype !== x.dtype) {
      throw new OperationError(
        `scatter(): Expected self.dtype to be equal to src.dtype, but got ${x.dtype} and ${src.dtype}. Convert the source with to('${x.dtype}')`,
      );
    }
    if (reduce === 'add' && x.dtype === 'bool') {
      throw new OperationError("scatter_add takes numbers, but the tensor is bool. Convert it with to('int64')");
    }
    if (x.shape !== null) {
      const at = normaliseDim(dim, x.shape.length);
      checkIndexShape(index.shape, x.shape, at);
      checkIndexRange(index, sizeAt(x.shape, at), at);
    }
    checkSource(index.shape, src.shape);
    return [{ dtype: x.dtype, shape: x.shape }];
  },
};

/** The scattered source is one value, or is not smaller than the index. */
function checkSource(index: Shape, src: Shape): void {
  if (index === null || src === null || src.length === 0) return;
  if (index.length !== src.length) {
    throw new OperationError(
      `Index tensor must have the same number of dimensions as src tensor, but got ${printShape(index)} and ${printShape(src)}`,
    );
  }
  if (index.some((size, i) => size !== null && src[i] !== null && size > src[i]!)) {
    throw new OperationError(`Expected index ${printShape(index)} to be no larger than src ${printShape(src)}`);
  }
}

const indexSelect: Operation<'indexSelect'> = {
  infer(inputs, { dim }) {
    const [x, index] = [input(inputs, 0), input(inputs, 1)];
    checkIndexType('index_select', index);
    if (index.shape !== null && index.shape.length > 1) {
      throw new OperationError(
        `index_select(): Index is supposed to be a vector, but has dims ${printShape(index.shape)}. Index with the tensor itself: x[index]`,
      );
    }
    if (x.shape === null) return [{ dtype: x.dtype, shape: null }];
    const at = normaliseDim(dim, x.shape.length);
    checkIndexRange(index, sizeAt(x.shape, at), at);
    const count = index.shape === null ? null : sizeAt(index.shape, 0);
    return [{ dtype: x.dtype, shape: withDim(x.shape, at, count) }];
  },
};

/** Elements selected by a tensor of positions, or written to its positions. */
export const indexing: Operations<'gather' | 'scatter' | 'indexSelect'> = { gather, scatter, indexSelect };
