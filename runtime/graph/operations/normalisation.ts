import { type Operation, OperationError } from '../operation.ts';
import { isFloat, torchName } from '../promotion.ts';
import { input, intAttribute } from './attributes.ts';
import { normaliseDim } from './dims.ts';

function along(kernel: string): Operation {
  return {
    infer(inputs, attributes) {
      const { dtype, shape } = input(inputs, 0);
      const dim = intAttribute(attributes, 'dim');
      if (!isFloat(dtype)) throw new OperationError(`"${kernel}" not implemented for '${torchName(dtype)}'`);
      if (shape !== null) normaliseDim(dim, shape.length);
      return [{ dtype, shape }];
    },
  };
}

/** Elements scaled by those beside them. */
export const normalisation: Readonly<Record<string, Operation>> = {
  softmax: along('softmax_lastdim_kernel_impl'),
  logSoftmax: along('log_softmax_lastdim_kernel_impl'),
};
