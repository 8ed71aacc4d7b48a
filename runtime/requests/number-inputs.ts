import { GraphError } from '../graph/error.ts';
import { type InputTensor, StringTensor } from '../tensor/string-tensor.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** The inputs of a request by their names. Throws a GraphError for texts: a request carries numbers alone. */
export function numberInputs(inputs: Readonly<Record<string, InputTensor>>): [string, Tensor][] {
  return Object.entries(inputs).map(([name, tensor]) => {
    if (tensor instanceof StringTensor) {
      throw new GraphError(`This request cannot be data: its input '${name}' is made of texts.`);
    }
    return [name, tensor];
  });
}
