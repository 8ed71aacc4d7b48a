import type { Lower, Lowerings } from '../emitter.ts';
import { rankOf } from './operand.ts';
import { flatten, toScalar } from './sizes.ts';

function along(op: string): Lower<'softmax' | 'logSoftmax'> {
  return (emitter, [x], attributes) => {
    const { name } = x!;
    if (rankOf(x!) === 0) return [toScalar(emitter, emitter.node(op, [flatten(emitter, name)], { axis: { int: 0 } }))];
    return [emitter.node(op, [name], { axis: { int: attributes.dim } })];
  };
}

/** Of float64 ONNX Runtime's kernel passes over NaNs, where its softmax is NaN. */
const logSoftmax: Lower<'logSoftmax'> = (emitter, inputs, attributes, outputs) => {
  const [logs] = along('LogSoftmax')(emitter, inputs, attributes, outputs);
  if (inputs[0]!.type.dtype !== 'float64') return [logs!];
  const [shares] = along('Softmax')(emitter, inputs, attributes, outputs);
  const nothing = emitter.node('Mul', [shares!, emitter.constant('float64', [0])]);
  return [emitter.node('Add', [logs!, nothing])];
};

export const normalisation: Lowerings<'softmax' | 'logSoftmax'> = {
  softmax: along('Softmax'),
  logSoftmax,
};
