import { batchRanks, explicitEquation } from '../../graph/operations/einsum.ts';
import type { Emitter, Lower, Lowerings } from '../emitter.ts';
import { compute } from './kernels.ts';
import { type Operand, rankOf } from './operand.ts';
import { requireOne } from './requirements.ts';
import { END, int, ints, reshape, shapeOf, slice, transpose, unsqueeze } from './sizes.ts';

/**
 * A vector beside a matrix becomes a matrix of one row or column: ONNX Runtime joins a MatMul with a Transpose in front of
 * it, and what it makes of the two is wrong for a vector.
 */
const matmul: Lower<'matmul'> = (emitter, [a, given], { turned }) => {
  const b = turned ? { ...given!, name: transpose(emitter, given!.name, [1, 0]) } : given;
  const [rankOfA, rankOfB] = [rankOf(a!), rankOf(b!)];
  if (rankOfA === null || rankOfB === null) return [matmulOfAnyRank(emitter, a!, b!)];
  const [isRow, isColumn] = [rankOfA === 1, rankOfB === 1];
  const left = isRow && !isColumn ? unsqueeze(emitter, a!.name, [0]) : a!.name;
  const right = isColumn && !isRow ? unsqueeze(emitter, b!.name, [1]) : b!.name;
  const product = compute(emitter, 'MatMul', [left, right], a!.type.dtype);
  if (isRow === isColumn) return [product];
  return [emitter.node('Squeeze', [product, ints(emitter, [isRow ? -2 : -1])])];
};

/** The same where only the run knows whether an operand is a vector. */
function matmulOfAnyRank(emitter: Emitter, a: Operand, b: Operand): string {
  const [row, column] = [missingDims(emitter, a), missingDims(emitter, b)];
  const left = reshape(emitter, a.name, emitter.node('Concat', [row.ones, row.shape], { axis: { int: 0 } }));
  const right = reshape(emitter, b.name, emitter.node('Concat', [column.shape, column.ones], { axis: { int: 0 } }));
  const product = compute(emitter, 'MatMul', [left, right], a.type.dtype);
  const sizes = shapeOf(emitter, product);
  const [last, end] = [ints(emitter, [-1]), ints(emitter, [END])];
  const batches = slice(emitter, sizes, ints(emitter, [0]), emitter.node('Sub', [last, row.count]), 0);
  const columns = slice(emitter, slice(emitter, sizes, last, end, 0), column.count, end, 0);
  return reshape(emitter, product, emitter.node('Concat', [batches, columns], { axis: { int: 0 } }));
}

/** The dimension that a vector lacks to be a matrix: none or a 1 (int64 of one dimension), and how many that is. */
function missingDims(emitter: Emitter, x: Operand): { shape: string; ones: string; count: string } {
  const rank = emitter.node('Size', [shapeOf(emitter, x.name)]);
  const isNoNumber = requireOne(emitter, 'dimensions', emitter.node('Greater', [rank, int(emitter, 0)]));
  const shape = emitter.node('Add', [shapeOf(emitter, x.name), isNoNumber]);
  const missing = emitter.node('Sub', [ints(emitter, [2]), rank]);
  const ones = slice(emitter, ints(emitter, [1]), ints(emitter, [0]), missing, 0);
  return { shape, ones, count: shapeOf(emitter, ones) };
}

const einsum: Lower<'einsum'> = (emitter, inputs, attributes) => {
  const shapes = inputs.map((operand) => operand.type.shape);
  const batches = batchRanks(attributes.equation, shapes);
  const most = Math.max(...batches.map((batch) => batch?.rank ?? 0));
  const equation = { string: explicitEquation(attributes.equation, most) };
  // ONNX wants every ellipsis to stand for equally many dimensions.
  const names = inputs.map(({ name }, i) => {
    const batch = batches[i];
    const missing = batch ? most - batch.rank : 0;
    return unsqueeze(
      emitter,
      name,
      Array.from({ length: missing }, (_, added) => batch!.start + added),
    );
  });
  return [compute(emitter, 'Einsum', names, inputs[0]!.type.dtype, undefined, { equation })];
};

export const linalg: Lowerings<'matmul' | 'einsum'> = { matmul, einsum };
