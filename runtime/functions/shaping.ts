import type { Dims, Sizes } from '../types/options.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import { mul } from './arithmetic.ts';
import { fail, knownShape, listOf, node, operand, shapeOf, sizesOf, wrapDim } from './nodes.ts';

/** The same elements with other dimensions; one of them may be -1. Sizes may be traced numbers. */
export function reshape(input: Operand, ...sizes: Sizes): Traced {
  return node('reshape', [operand(input), shapeOf(listOf(sizes))]);
}

/** The same as `reshape`: a view of the tensor, so that assigning to a part of it changes the tensor. */
export function view(input: Operand, ...sizes: Sizes): Traced {
  return reshape(input, listOf(sizes));
}

/** Joins the dimensions from `startDim` to `endDim`. */
export function flatten(input: Operand, startDim = 0, endDim = -1): Traced {
  return node('flatten', [operand(input)], { start: startDim, end: endDim });
}

/** Splits one dimension into several; one of the sizes may be -1. */
export function unflatten(input: Operand, dim: number, sizes: readonly number[]): Traced {
  const x = operand(input);
  const shape = sizesOf(x, 'unflatten');
  const at = wrapDim(dim, shape.length);
  return reshape(x, [...shape.slice(0, at), ...sizes, ...shape.slice(at + 1)]);
}

/** Takes dimensions of size 1 away: all of them, or those named (other sizes stay). */
export function squeeze(input: Operand, dim?: Dims): Traced {
  return node('squeeze', [operand(input)], { dims: dim == null ? null : typeof dim === 'number' ? [dim] : dim });
}

/** Puts a dimension of size 1 before `dim`. */
export function unsqueeze(input: Operand, dim: number): Traced {
  return node('unsqueeze', [operand(input)], { dims: [dim] });
}

/** Swaps two dimensions. */
export function transpose(input: Operand, dim0: number, dim1: number): Traced {
  const x = operand(input);
  const rank = knownShape(x, 'transpose').length;
  const dims = Array.from({ length: rank }, (_, dim) => dim);
  const first = wrapDim(dim0, rank);
  const second = wrapDim(dim1, rank);
  if (rank === 0) return x;
  dims[first] = second;
  dims[second] = first;
  return node('permute', [x], { dims });
}

/** Puts the dimensions in another order. */
export function permute(input: Operand, ...dims: Sizes): Traced {
  return node('permute', [operand(input)], { dims: listOf(dims) });
}

/** Moves one dimension to another place; the others keep their order. */
export function movedim(input: Operand, source: number, destination: number): Traced {
  const x = operand(input);
  const rank = knownShape(x, 'movedim').length;
  const from = wrapDim(source, rank);
  const dims = Array.from({ length: rank }, (_, dim) => dim).filter((dim) => dim !== from);
  dims.splice(wrapDim(destination, rank), 0, from);
  return node('permute', [x], { dims });
}

/** The transpose of a matrix; a vector stays as it is. */
export function t(input: Operand): Traced {
  const x = operand(input);
  const rank = knownShape(x, 't').length;
  if (rank > 2) fail(`t() expects a tensor with <= 2 dimensions, but self is ${rank}D`);
  return rank < 2 ? x : transpose(x, 0, 1);
}

/** `x.T`: the transpose of a matrix; a vector stays as it is. */
export function transposed(input: Operand): Traced {
  const x = operand(input);
  const rank = knownShape(x, 'T').length;
  if (rank > 2) fail(`T is the transpose of a matrix, and this tensor has ${rank} dimensions. Write mT, or permute(…)`);
  return rank < 2 ? x : transpose(x, 0, 1);
}

/** `x.mT`: the last two dimensions swapped. */
export function matrixTransposed(input: Operand): Traced {
  const x = operand(input);
  const rank = knownShape(x, 'mT').length;
  if (rank < 2) fail(`mT is only supported on matrices or batches of matrices. Got ${rank}-D tensor.`);
  return transpose(x, -2, -1);
}

/** Repeats dimensions of size 1 without copying; -1 keeps a size. */
export function expand(input: Operand, ...sizes: Sizes): Traced {
  return node('expand', [operand(input), shapeOf(listOf(sizes))]);
}

/** `expand` to the shape of another tensor. */
export function expandAs(input: Operand, other: Operand): Traced {
  return node('expand', [operand(input), node('shape', [operand(other)])]);
}

/** Tiles the tensor: so many times along each dimension. */
export function repeat(input: Operand, ...repeats: Sizes): Traced {
  const times = listOf(repeats);
  const x = operand(input);
  const shape = sizesOf(x, 'repeat');
  if (times.length < shape.length) {
    fail('Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor');
  }
  const sizes = [...Array.from({ length: times.length - shape.length }, () => 1), ...shape];
  // [2, 3] repeated [4, 5] times: as [1, 2, 1, 3], expanded to [4, 2, 5, 3], read as [8, 15].
  const spread = sizes.flatMap((size) => [1, size]);
  const expanded = sizes.flatMap((size, dim) => [times[dim] ?? 1, size]);
  const tiled = sizes.map((size, dim) => product(size, times[dim] ?? 1));
  return reshape(expand(reshape(x, spread), expanded), tiled);
}

/** The shape as a tensor: int64, one entry per dimension. */
export function shape(input: Operand): Traced {
  return node('shape', [operand(input)]);
}

/** `x.size()`: the dimensions, or the size of one of them; a size that only the run will tell is a traced number. */
export function size(input: Operand): readonly number[];
export function size(input: Operand, dim: number): number;
export function size(input: Operand, dim?: number): readonly number[] | number;
export function size(input: Operand, dim?: number): readonly number[] | number {
  const sizes = sizesOf(operand(input), 'size');
  return dim === undefined ? sizes : sizes[wrapDim(dim, sizes.length)]!;
}

/** The number of elements: int64, no dimensions. */
export function numel(input: Operand): Traced {
  return node('numel', [operand(input)], { dims: null });
}

function product(a: number, b: number): number {
  return typeof a === 'number' && typeof b === 'number' ? a * b : mul(a, b);
}
