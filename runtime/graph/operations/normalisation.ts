import { type Operation, OperationError, type Operations } from '../operation.ts';
import { isFloat } from '../promotion.ts';
import { normaliseDim } from './dims.ts';
import { input } from './inputs.ts';

function along(): Operation<'softmax' | 'logSoftmax'> {
  return {
    infer(inputs, { dim }) {
      const { dtype, shape } = input(inputs, 0);
      if (!isFloat(dtype))
        throw new OperationError(`it takes floats, but the tensor is ${dtype}. Convert it with to('float32')`);
      if (shape !== null) normaliseDim(dim, shape.length);
      return [{ dtype, shape }];
    },
  };
}

/** Elements scaled by those beside them. */
export const normalisation: Operations<'softmax' | 'logSoftmax'> = {
  softmax: along(),
  logSoftmax: along(),
};
