import { TraceError } from '../errors.ts';
import type { ModelTensor } from '../onnx/model-tensor.ts';
import { converted } from '../tracing/converted.ts';
import { inner } from '../tracing/hidden.ts';
import type { TensorProxy } from '../tracing/proxy.ts';

/**
 * A value converted for a place that is declared: an input of a model that is called, a parameter of an intervention.
 * Throws a TraceError for one of other dims, and for numbers that the dtype does not hold.
 * @param what names the place in an error
 */
export function fittedInput(proxy: TensorProxy, { dtype, dims }: ModelTensor, what: string): TensorProxy {
  const { shape } = proxy[inner].type;
  if (shape && dims) {
    const fits =
      shape.length === dims.length &&
      shape.every((dim, i) => dim === null || typeof dims[i] !== 'number' || dims[i] === dim);
    if (!fits) {
      throw new TraceError(
        `${what} has dims [${dims.map((dim) => dim ?? '?').join(', ')}] and cannot be a tensor of dims [${shape.map((dim) => dim ?? '?').join(', ')}].`,
        proxy[inner].builder.site,
      );
    }
  }
  return dtype ? converted(proxy, dtype, (found) => `${what} is ${dtype} and cannot be a tensor of ${found}`) : proxy;
}
