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

export const normalisation: Lowerings<'softmax' | 'logSoftmax'> = {
  softmax: along('Softmax'),
  logSoftmax: along('LogSoftmax'),
};
