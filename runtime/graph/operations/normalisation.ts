import { type Operation, OperationError } from '../operation.ts';
import { isFloat } from '../promotion.ts';
import { input, intAttribute } from './attributes.ts';
import { normaliseDim } from './dims.ts';

function along(): Operation {
  return {
    infer(inputs, attributes) {
      const { dtype, shape } = input(inputs, 0);
      const dim = intAttribute(attributes, 'dim');
      if (!isFloat(dtype))
        throw new OperationError(`it takes floats, but the tensor is ${dtype}. Convert it with to('float32')`);
      if (shape !== null) normaliseDim(dim, shape.length);
      return [{ dtype, shape }];
    },
  };
}

/** Elements scaled by those beside them. */
export const normalisation: Readonly<Record<string, Operation>> = {
  softmax: along(),
  logSoftmax: along(),
};
