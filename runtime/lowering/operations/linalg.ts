import { batchRanks, explicitEquation } from '../../graph/operations/einsum.ts';
import type { Lower, Lowerings, LowerPlain } from '../emitter.ts';
import { compute } from './kernels.ts';
import { rankOf } from './operand.ts';
import { ints, unsqueeze } from './sizes.ts';

/**
 * A vector beside a matrix becomes a matrix of one row or column: ONNX Runtime joins a MatMul with a Transpose in front of
 * it, and what it makes of the two is wrong for a vector.
 */
const matmul: LowerPlain = (emitter, [a, b]) => {
  const [isRow, isColumn] = [rankOf(a!) === 1, rankOf(b!) === 1];
  const left = isRow && !isColumn ? unsqueeze(emitter, a!.name, [0]) : a!.name;
  const right = isColumn && !isRow ? unsqueeze(emitter, b!.name, [1]) : b!.name;
  const product = compute(emitter, 'MatMul', [left, right], a!.type.dtype);
  if (isRow === isColumn) return [product];
  return [emitter.node('Squeeze', [product, ints(emitter, [isRow ? -2 : -1])])];
};

const einsum: Lower<'einsum'> = (emitter, inputs, attributes) => {
  const equation = { string: explicitEquation(attributes.equation) };
  const shapes = inputs.map((operand) => operand.type.shape);
  const batches = batchRanks(attributes.equation, shapes);
  const most = Math.max(...batches.map((batch) => batch?.rank ?? 0));
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
