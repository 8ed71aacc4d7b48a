import { batchRanks, explicitEquation } from '../../graph/operations/einsum.ts';
import type { Lower, Lowerings, LowerPlain } from '../emitter.ts';
import { compute } from './kernels.ts';
import { unsqueeze } from './sizes.ts';

const matmul: LowerPlain = (emitter, [a, b]) => [compute(emitter, 'MatMul', [a!.name, b!.name], a!.type.dtype)];

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
