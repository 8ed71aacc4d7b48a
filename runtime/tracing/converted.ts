import { TraceError } from '../errors.ts';
import { RANGES } from '../graph/operand-data.ts';
import type { DType } from '../graph/types.ts';
import { fitting } from '../tensor/fitting.ts';
import { Tensor } from '../tensor/tensor.ts';
import { apply } from './apply.ts';
import { inner } from './hidden.ts';
import type { TensorProxy } from './proxy.ts';

/**
 * A value in the dtype that stands at its place. Throws a TraceError where fractions would be cut off, and where whole
 * numbers that the user gave do not fit.
 * @param refusal what the error says of a value of another dtype
 */
export function converted(proxy: TensorProxy, dtype: DType, refusal: (found: DType) => string): TensorProxy {
  if (proxy.dtype === dtype) return proxy;
  const { builder } = proxy[inner];
  if (proxy.dtype.startsWith('float') && !dtype.startsWith('float')) {
    throw new TraceError(`${refusal(proxy.dtype)}. Convert the value with to('${dtype}').`, builder.site);
  }
  const { node } = proxy[inner].value();
  const given = node && builder.graph.operands.get(node);
  if (given) {
    try {
      fitting(new Tensor(proxy.dtype as 'int64', given.dims, given.data as BigInt64Array<ArrayBuffer>), dtype);
    } catch (error) {
      throw new TraceError(`${refusal(proxy.dtype)}: ${(error as Error).message}.`, builder.site, { cause: error });
    }
  }
  // What only the run computes must not wrap around without a word, either.
  return apply('cast', [proxy], { dtype, ...(!given && !holds(dtype, proxy.dtype) && { exact: true }) });
}

/** Whether a place takes all values of another dtype: no whole number is none of a float, and every one is true or false. */
function holds(place: DType, found: DType): boolean {
  if (place.startsWith('float') || place === 'bool') return true;
  const [[least, most], [lowest, highest]] = [RANGES[place]!, RANGES[found]!];
  return least <= lowest && highest <= most;
}
