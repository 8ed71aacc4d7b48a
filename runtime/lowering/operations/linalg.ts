import { explicitEquation } from '../../graph/operations/einsum.ts';
import type { Lower } from '../emitter.ts';
import { compute } from './kernels.ts';

const matmul: Lower = (emitter, [a, b]) => [compute(emitter, 'MatMul', [a!.name, b!.name], a!.type.dtype)];

const einsum: Lower = (emitter, inputs, attributes) => {
  const names = inputs.map((operand) => operand.name);
  const equation = { string: explicitEquation(attributes.equation as string) };
  return [compute(emitter, 'Einsum', names, inputs[0]!.type.dtype, undefined, { equation })];
};

export const linalg: Readonly<Record<string, Lower>> = { matmul, einsum };
