import { promoteDtypes } from '../graph/promotion.ts';
import { GraphEntries } from '../tracing/lists.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import { narrow, select } from './indexing.ts';
import { asTraced, dtypeOf, fail, knownShape, node, operand, wrapDim } from './nodes.ts';
import { cast } from './promotion.ts';
import { flatten, movedim, unsqueeze } from './shaping.ts';
import { withSignature } from './with-signature.ts';

/** Puts tensors one after another along an existing dimension. */
export const cat = withSignature('cat', (tensors: readonly Operand[], dim = 0): Traced => {
  if (tensors.length === 0) fail('cat: expected a non-empty list of Tensors');
  // Counted from the end, the dimension that is there and the new one before it.
  const at = dim < 0 ? dim - 1 : dim;
  return joined(
    tensors.map((tensor) => (isGraphEntries(tensor) ? flatten(rowsOf(tensor, at), at, at + 1) : operand(tensor))),
    dim,
  );
});

/** The same as `cat`. */
export const concat = cat;

/** Puts tensors of one shape side by side along a new dimension. */
export const stack = withSignature('stack', (tensors: readonly Operand[], dim = 0): Traced => {
  if (tensors.length === 0) fail('stack: expects a non-empty TensorList');
  return joined(
    tensors.map((tensor) => (isGraphEntries(tensor) ? rowsOf(tensor, dim) : unsqueeze(operand(tensor), dim))),
    dim,
  );
});

function joined(parts: readonly Traced[], dim: number): Traced {
  const dtype = parts.map(dtypeOf).reduce(promoteDtypes);
  const same = parts.map((part) => cast(part, dtype));
  return node('cat', same, { dim });
}

/** An array that a loop of the graph pushed to holds its entries together. */
function isGraphEntries(entry: unknown): entry is GraphEntries {
  return entry instanceof GraphEntries;
}

/** All of them, side by side along `dim`. */
function rowsOf(entries: GraphEntries, dim: number): Traced {
  return movedim(asTraced(entries.stacked()), 0, dim);
}

/** Cuts the tensor along `dim` into pieces of `size` (the last may be smaller), or of the given sizes. */
export const split = withSignature('split', (input: Operand, size: number | readonly number[], dim = 0): Traced[] => {
  const x = operand(input);
  const length = lengthOf(x, dim, 'split');
  if (typeof size === 'number' && !(size > 0)) fail(`split expects split_size be positive, but got split_size=${size}`);
  const sizes = typeof size === 'number' ? equalPieces(length, size) : size;
  const total = sizes.reduce((sum, piece) => sum + piece, 0);
  if (total !== length) {
    fail(
      `split_with_sizes expects split_sizes to sum exactly to ${length} (input tensor's size at dimension ${dim}), but got split_sizes=[${sizes.join(', ')}]`,
    );
  }
  let start = 0;
  return sizes.map((piece) => {
    const part = narrow(x, dim, start, piece);
    start += piece;
    return part;
  });
});

/** Cuts the tensor along `dim` into at most `chunks` pieces of one size; the last may be smaller. */
export const chunk = withSignature('chunk', (input: Operand, chunks: number, dim = 0): Traced[] => {
  if (!(chunks > 0)) fail(`chunk expects \`chunks\` to be greater than 0, got: ${chunks}`);
  const x = operand(input);
  const length = lengthOf(x, dim, 'chunk');
  // Of nothing there are as many pieces as are asked for.
  return split(x, length === 0 ? Array(chunks).fill(0) : Math.ceil(length / chunks), dim);
});

/** The slices along `dim`, without that dimension. */
export const unbind = withSignature('unbind', (input: Operand, dim = 0): Traced[] => {
  const x = operand(input);
  return Array.from({ length: lengthOf(x, dim, 'unbind') }, (_, i) => select(x, dim, i));
});

/** The size of a dimension, which must be known while the block is traced. */
function lengthOf(x: Traced, dim: number, what: string): number {
  const shape = knownShape(x, what);
  if (shape.length === 0) fail(`${what} expects at least a 1-dimensional tensor`);
  return (
    shape[wrapDim(dim, shape.length)] ?? fail(`${what}: the size of dimension ${dim} is known only when the model runs`)
  );
}

function equalPieces(length: number, size: number): number[] {
  const count = Math.max(1, Math.ceil(length / size));
  return Array.from({ length: count }, (_, i) => Math.min(size, length - i * size));
}
