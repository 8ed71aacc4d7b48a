import type { Dims, Sizes } from '../types/options.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import { mul } from './arithmetic.ts';
import { fail, isCopiedTo, knownShape, listOf, node, operand, shapeOf, sizesOf, typeOf, wrapDim } from './nodes.ts';
import { withSignature } from './with-signature.ts';

/** The same elements with other dimensions; one of them may be -1. Sizes may be traced numbers. */
export const reshape = withSignature(
  'reshape',
  (input: Operand, ...sizes: Sizes): Traced => node('reshape', [operand(input), shapeOf(listOf(sizes))]),
);

/** The same as `reshape`, but never a copy: assigning to a part of it changes the tensor. */
export const view = withSignature('view', (input: Operand, ...sizes: Sizes): Traced => {
  const x = operand(input);
  const result = reshape(x, listOf(sizes));
  if (isCopiedTo(x, result))
    fail(
      "view: view size is not compatible with the tensor's size and stride, as it was transposed, expanded or taken with a step. Use reshape(), which copies it",
    );
  return result;
});

/** Joins the dimensions from `startDim` to `endDim`. */
export const flatten = withSignature(
  'flatten',
  (input: Operand, startDim = 0, endDim = -1): Traced =>
    node('flatten', [operand(input)], { start: startDim, end: endDim }),
);

/** Splits one dimension into several; one of the sizes may be -1. */
export const unflatten = withSignature('unflatten', (input: Operand, dim: number, sizes: readonly number[]): Traced => {
  const x = operand(input);
  const shape = sizesOf(x, 'unflatten');
  const at = wrapDim(dim, shape.length);
  return reshape(x, [...shape.slice(0, at), ...partsOf(shape[at]!, sizes, dim), ...shape.slice(at + 1)]);
});

/** The sizes that a dimension is divided into: what stands for -1 follows from the others, if they are known. */
function partsOf(size: number, sizes: readonly number[], dim: number): readonly number[] {
  if (sizes.length === 0) fail('unflatten: sizes must be non-empty');
  if (![size, ...sizes].every(Number.isInteger) || sizes.filter((one) => one < 0).length > 1) return sizes;
  const known = sizes.filter((one) => one !== -1).reduce((product, one) => product * one, 1);
  if (sizes.includes(-1) ? known === 0 || size % known !== 0 : known !== size) {
    fail(
      `unflatten: Provided sizes [${sizes.join(', ')}] don't multiply up to the size of dim ${dim} (${size}) in the input tensor`,
    );
  }
  return sizes.map((one) => (one === -1 ? size / known : one));
}

/** Takes dimensions of size 1 away: all of them, or those named (other sizes stay). */
export const squeeze = withSignature(
  'squeeze',
  (input: Operand, dim?: Dims): Traced =>
    node('squeeze', [operand(input)], { dims: dim == null ? null : typeof dim === 'number' ? [dim] : dim }),
);

/** Puts a dimension of size 1 before `dim`. */
export const unsqueeze = withSignature(
  'unsqueeze',
  (input: Operand, dim: number): Traced => node('unsqueeze', [operand(input)], { dims: [dim] }),
);

/** Swaps two dimensions. */
export const transpose = withSignature('transpose', (input: Operand, dim0: number, dim1: number): Traced => {
  const x = operand(input);
  const rank = knownShape(x, 'transpose').length;
  const dims = Array.from({ length: rank }, (_, dim) => dim);
  const first = wrapDim(dim0, rank);
  const second = wrapDim(dim1, rank);
  if (rank === 0) return x;
  dims[first] = second;
  dims[second] = first;
  return node('permute', [x], { dims });
});

/** Puts the dimensions in another order. */
export const permute = withSignature(
  'permute',
  (input: Operand, ...dims: Sizes): Traced => node('permute', [operand(input)], { dims: listOf(dims) }),
);

/** Moves one dimension to another place; the others keep their order. */
export const movedim = withSignature('movedim', (input: Operand, source: number, destination: number): Traced => {
  const x = operand(input);
  const rank = knownShape(x, 'movedim').length;
  const from = wrapDim(source, rank);
  if (rank === 0) return x;
  const dims = Array.from({ length: rank }, (_, dim) => dim).filter((dim) => dim !== from);
  dims.splice(wrapDim(destination, rank), 0, from);
  return node('permute', [x], { dims });
});

/** The transpose of a matrix; a vector stays as it is. */
export const t = withSignature('t', (input: Operand): Traced => {
  const x = operand(input);
  const rank = knownShape(x, 't').length;
  if (rank > 2) fail(`t() expects a tensor with <= 2 dimensions, but self is ${rank}D`);
  return rank < 2 ? x : transpose(x, 0, 1);
});

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
export const expand = withSignature(
  'expand',
  (input: Operand, ...sizes: Sizes): Traced => node('expand', [operand(input), shapeOf(listOf(sizes))]),
);

/** Two tensors in the shape to which both broadcast. */
export function broadcast(a: Traced, b: Traced): [Traced, Traced] {
  const [first, second] = [a, b].map((one) => typeOf(one).shape?.join());
  if (first !== undefined && first === second) return [a, b];
  const common = node('shape', [node('eq', [a, b])]);
  return [node('expand', [a, common]), node('expand', [b, common])];
}

/** `expand` to the shape of another tensor. */
export const expandAs = withSignature(
  'expandAs',
  (input: Operand, other: Operand): Traced => node('expand', [operand(input), node('shape', [operand(other)])]),
);

/** Tiles the tensor: so many times along each dimension. */
export const repeat = withSignature('repeat', (input: Operand, ...repeats: Sizes): Traced => {
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
});

/** The shape as a tensor: int64, one entry per dimension. */
export const shape = withSignature('shape', (input: Operand): Traced => node('shape', [operand(input)]));

/** `size`: of all dimensions, or of one. */
export interface Size {
  (input: Operand): readonly number[];
  (input: Operand, dim: number): number;
  (input: Operand, dim?: number): readonly number[] | number;
}

/** `x.size()`: the dimensions, or the size of one of them; a size that only the run will tell is a traced number. */
export const size: Size = withSignature('size', ((input: Operand, dim?: number): readonly number[] | number => {
  const sizes = sizesOf(operand(input), 'size');
  return dim === undefined ? sizes : sizes[wrapDim(dim, sizes.length)]!;
}) as Size);

/** The number of elements: int64, no dimensions. */
export const numel = withSignature(
  'numel',
  (input: Operand): Traced => node('numel', [operand(input)], { dims: null }),
);

function product(a: number, b: number): number {
  return typeof a === 'number' && typeof b === 'number' ? a * b : mul(a, b);
}
