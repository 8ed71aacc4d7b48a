import { tensorAttribute } from './attributes.ts';
import type { FunctionProto, GraphProto, TensorProto } from './proto.ts';

/** The constants of a graph or of a function, by name: initializers, and the values of Constant nodes. */
export function constantsIn(scope: GraphProto | FunctionProto): Map<string, TensorProto> {
  const initializers = 'initializer' in scope ? scope.initializer : [];
  const constants = new Map(initializers.map((tensor) => [tensor.name, tensor]));
  for (const one of scope.node) {
    const value = one.opType === 'Constant' ? tensorAttribute(one, 'value') : null;
    if (value !== null) constants.set(one.output[0]!, value);
  }
  return constants;
}
