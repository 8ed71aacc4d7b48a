import { normaliseDim } from '../../graph/operations/dims.ts';
import { squeezedDims } from '../../graph/operations/shapes.ts';
import type { Emitter, Lower, Lowerings, LowerPlain } from '../emitter.ts';
import { castTo } from './kernels.ts';
import { type Operand, rankOf } from './operand.ts';
import {
  flatten as flattenAll,
  unsqueeze as insert,
  int,
  ints,
  reshape as reshapeTo,
  shapeOf,
  sizesAlong,
  transpose,
} from './sizes.ts';

const reshape: LowerPlain = (emitter, [x, sizes]) => [reshapeTo(emitter, x!.name, sizes!.name)];

/**
 * PyTorch's -1 keeps a dimension, as ONNX's 1 does. The reshape makes a run fail whose tensor is larger than what it is
 * expanded to: Expand would keep it.
 */
const expand: LowerPlain = (emitter, [x, sizes]) => {
  const keeps = emitter.node('Less', [sizes!.name, int(emitter, 0)]);
  const target = emitter.node('Where', [keeps, int(emitter, 1), sizes!.name]);
  const expanded = emitter.node('Expand', [x!.name, target]);
  const expected = emitter.node('Where', [keeps, shapeOf(emitter, expanded), sizes!.name]);
  return [reshapeTo(emitter, expanded, expected)];
};

/**
 * ONNX Runtime joins the transpose of a matrix with a product after it, which rounds in another way than the two do outside
 * of blocks: a dimension of 1 keeps them apart.
 */
const permute: Lower<'permute'> = (emitter, [x], { dims }) => {
  const order = dims.map((dim) => normaliseDim(dim, dims.length));
  const rank = order.length;
  if (order[rank - 1] !== rank - 2) return [transpose(emitter, x!.name, order)];
  const within = insert(emitter, x!.name, [0]);
  const turned = transpose(emitter, within, [0, ...order.map((dim) => dim + 1)]);
  return [emitter.node('Squeeze', [turned, ints(emitter, [0])])];
};

const unsqueeze: Lower<'unsqueeze'> = (emitter, [x], { dims }) => [insert(emitter, x!.name, dims)];

const squeeze: Lower<'squeeze'> = (emitter, [x], { dims: given }) => {
  const dims = squeezedDims(x!.type.shape, given) ?? given;
  if (dims === null) return [emitter.node('Squeeze', [x!.name])];
  return [dims.length === 0 ? x!.name : emitter.node('Squeeze', [x!.name, ints(emitter, dims)])];
};

const flatten: Lower<'flatten'> = (emitter, [x], { start, end }) => {
  const { name } = x!;
  const rank = rankOf(x!);
  if (rank === 0 || (start === 0 && (end === -1 || end === (rank ?? 0) - 1))) return [flattenAll(emitter, name)];
  const shape = shapeOf(emitter, name);
  const part = (from: number, to: number): string =>
    emitter.node('Slice', [shape, ints(emitter, [from]), ints(emitter, [to])]);
  const after = end === -1 ? Number.MAX_SAFE_INTEGER : end + 1;
  const merged = emitter.node('ReduceProd', [part(start, after)], { keepdims: { int: 1 } });
  const sizes = [part(0, start), merged, part(after, Number.MAX_SAFE_INTEGER)];
  return [reshapeTo(emitter, name, emitter.node('Concat', sizes, { axis: { int: 0 } }))];
};

const cat: Lower<'cat'> = (emitter, inputs, { dim }, [output]) => {
  const parts = inputs.map((operand) => castTo(emitter, operand, output!.dtype));
  return [emitter.node('Concat', parts, { axis: { int: dim } })];
};

const split: Lower<'split'> = (emitter, [x], { sizes, count, dim }) => {
  if (count === 1) return [x!.name];
  const axis = { axis: { int: dim } };
  if (sizes !== null) return emitter.nodes('Split', [x!.name, ints(emitter, sizes)], count, axis);
  // Split on its own would make the last part smaller, and refuse to split nothing.
  const size = emitter.node('Div', [sizesAlong(emitter, x!.name, [dim]), int(emitter, count)]);
  return emitter.nodes('Split', [x!.name, emitter.node('Expand', [size, ints(emitter, [count])])], count, axis);
};

const shape: LowerPlain = (emitter, [x]) => [shapeOf(emitter, x!.name)];

const numel: Lower<'numel'> = (emitter, [x], { dims }) => [
  dims === null || rankOf(x!) === 0 ? emitter.node('Size', [x!.name]) : sizeProduct(emitter, x!, dims),
];

function sizeProduct(emitter: Emitter, x: Operand, dims: readonly number[]): string {
  return emitter.node('ReduceProd', [sizesAlong(emitter, x.name, dims)], { keepdims: { int: 0 } });
}

export const shapes: Lowerings<
  'reshape' | 'expand' | 'permute' | 'unsqueeze' | 'squeeze' | 'flatten' | 'cat' | 'split' | 'shape' | 'numel'
> = {
  reshape,
  expand,
  permute,
  unsqueeze,
  squeeze,
  flatten,
  cat,
  split,
  shape,
  numel,
};
