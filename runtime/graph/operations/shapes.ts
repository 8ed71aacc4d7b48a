import { type InputsRule, type Operation, OperationError, type Operations } from '../operation.ts';
import type { Dim, Shape } from '../types.ts';
import { withConstant } from './constants.ts';
import { normaliseDim, normaliseDims, sizeAt, sizeOf, unknownDims, withDim } from './dims.ts';
import { input } from './inputs.ts';
import { expandShape, reshapeShape } from './resize.ts';
import { shapeFromOperand } from './shape-operand.ts';

const reshape: InputsRule = {
  infer(inputs) {
    const [x, sizes] = [input(inputs, 0), input(inputs, 1)];
    return [withConstant(x.dtype, reshapeShape(x.shape, shapeFromOperand(sizes)), x.constant)];
  },
};

const expand: InputsRule = {
  infer(inputs) {
    const [x, sizes] = [input(inputs, 0), input(inputs, 1)];
    const shape = expandShape(x.shape, shapeFromOperand(sizes));
    const repeated = x.constant?.length === 1 && (sizeOf(shape) ?? Infinity) <= 1024;
    return [withConstant(x.dtype, shape, repeated ? Array(sizeOf(shape)!).fill(x.constant[0]) : x.constant)];
  },
};

const permute: Operation<'permute'> = {
  infer(inputs, { dims }) {
    const { dtype, shape } = input(inputs, 0);
    if (shape !== null && shape.length !== dims.length) {
      throw new OperationError(
        'permute: number of dimensions in the tensor input does not match the length of the desired ordering of ' +
          `dimensions i.e. input.dim() = ${shape.length} is not equal to len(dims) = ${dims.length}`,
      );
    }
    const order = dims.length === 0 ? [] : normaliseDims(dims, dims.length);
    return [{ dtype, shape: order.map((dim): Dim => (shape === null ? null : shape[dim]!)) }];
  },
};

const unsqueeze: Operation<'unsqueeze'> = {
  infer(inputs, { dims }) {
    const { dtype, shape, constant } = input(inputs, 0);
    if (shape === null || dims.length === 0) return [withConstant(dtype, shape, constant)];
    const rank = shape.length + dims.length;
    const added = new Set(normaliseDims(dims, rank));
    const rest = [...shape];
    const result = unknownDims(rank).map((_, i): Dim => (added.has(i) ? 1 : rest.shift()!));
    return [withConstant(dtype, result, constant)];
  },
};

/**
 * The dimensions that `squeeze` takes away, counted from the front, or null where only the run will tell. Of the `dims`
 * given, one of unknown size is taken to be 1: the run fails if it is not. One of known other size stays, as in PyTorch.
 */
export function squeezedDims(shape: Shape, dims: readonly number[] | null): readonly number[] | null {
  if (shape === null) return null;
  if (dims === null) {
    return shape.includes(null) ? null : shape.flatMap((size, dim) => (size === 1 ? [dim] : []));
  }
  if (dims.length === 0 || shape.length === 0) return [];
  return normaliseDims(dims, shape.length).filter((dim) => shape[dim] === 1 || shape[dim] === null);
}

const squeeze: Operation<'squeeze'> = {
  infer(inputs, { dims }) {
    const { dtype, shape, constant } = input(inputs, 0);
    if (dims !== null && shape !== null) for (const dim of dims) normaliseDim(dim, shape.length);
    const squeezed = squeezedDims(shape, dims);
    if (squeezed === null || shape === null) return [{ dtype, shape: null }];
    return [
      withConstant(
        dtype,
        shape.filter((_, dim) => !squeezed.includes(dim)),
        constant,
      ),
    ];
  },
};

const flatten: Operation<'flatten'> = {
  infer(inputs, { start: from, end: to }) {
    const { dtype, shape, constant } = input(inputs, 0);
    if (shape === null) return [{ dtype, shape: from === 0 && to === -1 ? [null] : null }];
    const [start, end] = [normaliseDim(from, shape.length), normaliseDim(to, shape.length)];
    if (start > end)
      throw new OperationError(
        `flatten() has invalid args: start_dim cannot come after end_dim, but got ${from} and ${to}`,
      );
    const merged = sizeOf(shape.slice(start, end + 1));
    return [withConstant(dtype, [...shape.slice(0, start), merged, ...shape.slice(end + 1)], constant)];
  },
};

const split: Operation<'split'> = {
  infer(inputs, { sizes, count, dim }) {
    const { dtype, shape } = input(inputs, 0);
    if (count < 1 || (sizes !== null && sizes.length !== count)) {
      throw new OperationError(
        `split expects one size for each of its ${count} outputs, but got ${sizes?.length ?? 'none'}`,
      );
    }
    if (sizes?.some((size) => size < 0)) {
      throw new OperationError(
        `split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes=[${sizes.join(', ')}]`,
      );
    }
    if (shape === null) return Array.from({ length: count }, () => ({ dtype, shape: null }));
    if (shape.length === 0)
      throw new OperationError('split expects at least a 1-dimensional tensor, but got one without dimensions');
    const at = normaliseDim(dim, shape.length);
    const size = shape[at]!;
    const parts = sizes ?? equalParts(size, count, at);
    if (sizes !== null && size !== null && sizes.reduce((sum, part) => sum + part, 0) !== size) {
      throw new OperationError(
        `split_with_sizes expects split_sizes to sum exactly to ${size} (input tensor's size at dimension ${at}), ` +
          `but got split_sizes=[${sizes.join(', ')}]`,
      );
    }
    return parts.map((part) => ({ dtype, shape: withDim(shape, at, part) }));
  },
};

function equalParts(size: Dim, count: number, dim: number): readonly Dim[] {
  if (size === null) return unknownDims(count);
  if (size % count !== 0) {
    throw new OperationError(`split cannot divide dimension ${dim} of size ${size} into ${count} equal parts`);
  }
  return Array.from({ length: count }, () => size / count);
}

const shape: InputsRule = {
  infer(inputs) {
    const dims = input(inputs, 0).shape;
    const known = dims?.every((dim) => dim !== null) ? (dims as readonly number[]) : null;
    return [withConstant('int64', [dims === null ? null : dims.length], known)];
  },
};

const numel: Operation<'numel'> = {
  infer(inputs, { dims }) {
    const sizes = input(inputs, 0).shape;
    const counted = dims === null || sizes === null ? sizes : dims.map((dim) => sizeAt(sizes, dim));
    const size = sizeOf(counted);
    return [withConstant('int64', [], size === null ? null : [size])];
  },
};

/** The same elements in another shape, and shapes as values. */
export const shapes: Operations<
  'reshape' | 'expand' | 'permute' | 'unsqueeze' | 'squeeze' | 'flatten' | 'split' | 'shape' | 'numel'
> = {
  reshape,
  expand,
  permute,
  unsqueeze,
  squeeze,
  flatten,
  split,
  shape,
  numel,
};
