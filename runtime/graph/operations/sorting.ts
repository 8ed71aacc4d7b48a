import { type Operation, OperationError, type Operations } from '../operation.ts';
import { knownNumber } from './constants.ts';
import { normaliseDim, sizeAt, withDim } from './dims.ts';
import { input } from './inputs.ts';

const sort: Operation<'sort'> = {
  infer(inputs, { dim }) {
    const { dtype, shape } = input(inputs, 0);
    if (shape !== null) normaliseDim(dim, shape.length);
    return [
      { dtype, shape },
      { dtype: 'int64', shape },
    ];
  },
};

const topk: Operation<'topk'> = {
  infer(inputs, { dim }) {
    const [{ dtype, shape }, count] = [input(inputs, 0), input(inputs, 1)];
    if (dtype === 'bool') throw new OperationError("topk does not support bool. Convert the tensor with to('int64')");
    const k = knownNumber(count);
    if (k !== null && k < 0) throw new OperationError(`selected index k out of range: k is ${k}`);
    if (shape === null) return [dtype, 'int64' as const].map((type) => ({ dtype: type, shape: null }));
    const at = normaliseDim(dim, shape.length);
    const size = sizeAt(shape, dim);
    if (k !== null && size !== null && k > size) {
      throw new OperationError(`selected index k out of range: k is ${k}, but dimension ${dim} has ${size} elements`);
    }
    const result = withDim(shape, at, k);
    return [
      { dtype, shape: result },
      { dtype: 'int64', shape: result },
    ];
  },
};

/** Elements put in order along a dimension, with the positions they came from. */
export const sorting: Operations<'sort' | 'topk'> = { sort, topk };
