import type { ItemForm } from '../graph/ops.ts';
import type { Sizes } from '../types/options.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import { add, lt, maximum, minimum, mul, sub, where } from './arithmetic.ts';
import { arange } from './creation.ts';
import {
  dtypeOf,
  fail,
  isTraced,
  knownShape,
  listOf,
  node,
  operand,
  shapeOf,
  sizesOf,
  typeOf,
  wrapDim,
} from './nodes.ts';
import { like } from './promotion.ts';
import { broadcast, flatten } from './shaping.ts';
import { withSignature } from './with-signature.ts';

const WHOLE: ItemForm = { kind: 'slice', start: false, stop: false, step: false, size: null };

/** The slice at `index` along `dim`, without that dimension: a view, as `input[index]` is. */
export const select = withSignature('select', (input: Operand, dim: number, index: number): Traced => {
  const x = operand(input);
  const at = wrapDim(dim, knownShape(x, 'select').length);
  return node('getitem', [x, operand(index, 'int64')], { items: [...Array(at).fill(WHOLE), { kind: 'int' }] });
});

/** `length` entries along `dim` from `start` on: a view, as `input[start:start + length]` is. None may lie outside. */
export const narrow = withSignature('narrow', (input: Operand, dim: number, start: number, length: number): Traced => {
  const x = operand(input);
  const sizes = sizesOf(x, 'narrow');
  const at = wrapDim(dim, sizes.length);
  const [from, to] = spanOf(sizes[at] ?? 1, start, length);
  const items = [
    ...Array(at).fill(WHOLE),
    { kind: 'slice', start: true, stop: true, step: false, size: isTraced(length) ? null : length },
  ];
  return node('getitem', [x, operand(from, 'int64'), operand(to, 'int64')], { items });
});

/**
 * The entries of two dimensions whose places differ by `offset`, as the last dimension: a view. The dimensions are the
 * first two unless given.
 */
export const diagonal = withSignature('diagonal', (input: Operand, offset = 0, dim1 = 0, dim2 = 1): Traced => {
  const x = operand(input);
  const sizes = sizesOf(x, 'diagonal');
  const [first, second] = [wrapDim(dim1, sizes.length), wrapDim(dim2, sizes.length)];
  if (first === second) fail(`diagonal dimensions cannot be identical ${dim1}, ${dim2}`);
  if (!Number.isInteger(offset)) fail(`diagonal: the offset is a whole number, not ${offset}`);
  const others = sizes.map((_, dim) => dim).filter((dim) => dim !== first && dim !== second);
  const matrices = node('permute', [x], { dims: [...others, first, second] });
  const [rows, columns] = [sizes[first]!, sizes[second]!];
  const from = mul(offset < 0 ? -offset : 0, columns);
  // What is left of the rows and columns; none if the diagonal lies outside.
  const length = maximum(minimum(sub(rows, Math.max(0, -offset)), sub(columns, Math.max(0, offset))), 0);
  const start = add(from, Math.max(0, offset));
  const step = add(columns, 1);
  const size = isTraced(rows) || isTraced(columns) ? null : lengthOf(rows, columns, offset);
  const items = [...Array(others.length).fill(WHOLE), { kind: 'slice', start: true, stop: true, step: true, size }];
  return node('getitem', [flatten(matrices, -2), start, add(start, mul(length, step)), step], { items });
});

/** How many entries a diagonal of a matrix has. */
function lengthOf(rows: number, columns: number, offset: number): number {
  return Math.max(0, Math.min(rows - Math.max(0, -offset), columns - Math.max(0, offset)));
}

/** Where a span begins and ends, counted from the front. A slice would be cut where it reaches beyond the size. */
function spanOf(size: number, start: number, length: number): readonly [number, number] {
  if (isTraced(size) || isTraced(start) || isTraced(length)) {
    // A list of all places makes the run fail where a place is none of them.
    const places = arange(add(size, 1));
    const within = (place: Traced): Traced => {
      const index = where(lt(place, 0), add(size, 1), place);
      return node('getitem', [places, index], { items: [{ kind: 'int' }] });
    };
    const from = within(where(lt(start, 0), add(start, size), operand(start)));
    return [from, within(where(lt(length, 0), -1, add(from, length)))];
  }
  if (start < -size || start > size) {
    fail(`start out of range (expected to be in range of [${-size}, ${size}], but got ${start})`);
  }
  const from = start < 0 ? start + size : start;
  if (length < 0) fail('narrow(): length must be non-negative.');
  if (from + length > size) fail(`start (${from}) + length (${length}) exceeds dimension size (${size}).`);
  return [from, from + length];
}

/** Picks one value per entry of `index` along `dim`: `out[i][j] = input[index[i][j]][j]` for dim 0. */
export const gather = withSignature(
  'gather',
  (input: Operand, dim: number, index: Operand): Traced => node('gather', [operand(input), placesOf(index)], { dim }),
);

/** The tensor with `src` written where `index` says along `dim`: `out[index[i][j]][j] = src[i][j]` for dim 0. */
export const scatter = withSignature(
  'scatter',
  (input: Operand, dim: number, index: Operand, src: Operand): Traced => scattered(input, dim, index, src, null),
);

/** The tensor with `src` added where `index` says along `dim`. */
export const scatterAdd = withSignature(
  'scatterAdd',
  (input: Operand, dim: number, index: Operand, src: Operand): Traced => scattered(input, dim, index, src, 'add'),
);

/** The entries along `dim` that the one-dimensional `index` names. */
export const indexSelect = withSignature(
  'indexSelect',
  (input: Operand, dim: number, index: Operand): Traced =>
    node('indexSelect', [operand(input), placesOf(index)], { dim }),
);

/** The elements of the flattened tensor that `index` names, in the shape of `index`. */
export const take = withSignature(
  'take',
  (input: Operand, index: Operand): Traced =>
    node('getitem', [flatten(input), operand(index)], { items: [{ kind: 'index' }] }),
);

/** The elements where the bool `mask` holds, in one dimension whose size only the run tells. */
export const maskedSelect = withSignature('maskedSelect', (input: Operand, mask: Operand): Traced => {
  const [all, where] = broadcast(operand(input), operand(mask));
  return node('getitem', [all, where], { items: [{ kind: 'mask' }] });
});

/** The lower triangle of the last two dimensions, zeros above the diagonal. */
export const tril = withSignature(
  'tril',
  (input: Operand, diagonal = 0): Traced => node('tril', [operand(input)], { diagonal }),
);

/** The upper triangle of the last two dimensions, zeros below the diagonal. */
export const triu = withSignature(
  'triu',
  (input: Operand, diagonal = 0): Traced => node('triu', [operand(input)], { diagonal }),
);

/** The tensor with the entries of the given dims in reverse order. */
export const flip = withSignature('flip', (input: Operand, ...dims: Sizes): Traced => {
  let x = operand(input);
  const sizes = sizesOf(x, 'flip');
  for (const dim of listOf(dims)) {
    const size = sizes[wrapDim(dim, sizes.length)] ?? 1;
    const last = isTraced(size) ? sub(size, 1) : size - 1;
    x = indexSelect(x, dim, sub(last, arange(size)));
  }
  return x;
});

function scattered(input: Operand, dim: number, index: Operand, src: Operand, reduce: 'add' | null): Traced {
  const x = operand(input);
  const places = placesOf(index);
  const values = like(src, dtypeOf(x));
  // A single value goes to all places.
  const spread = typeOf(values).shape?.length === 0 ? node('expand', [values, placesShape(places)]) : values;
  return node('scatter', [x, places, spread], { dim, reduce });
}

/** Places along a dimension: none is counted from the end, which only the run can tell of those that are computed. */
function placesOf(index: Operand): Traced {
  const below = firstBelow(index);
  if (below !== undefined) {
    fail(
      `an index is below 0 (${below}), and none is counted from the end here, as in PyTorch. Add the size of the dimension to it.`,
    );
  }
  return operand(index);
}

function firstBelow(index: unknown): number | undefined {
  if (typeof index === 'number') return index < 0 ? index : undefined;
  if (!Array.isArray(index)) return undefined;
  for (const one of index) {
    const below = firstBelow(one);
    if (below !== undefined) return below;
  }
  return undefined;
}

function placesShape(places: Traced): Traced {
  const { shape } = typeOf(places);
  return shape && !shape.includes(null) ? shapeOf(shape.map(Number)) : node('shape', [places]);
}
