import * as functions from '../functions/index.ts';
import { asTraced } from '../functions/nodes.ts';
import { Tensor } from '../tensor/tensor.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { inner } from '../tracing/hidden.ts';
import { TensorProxy } from '../tracing/proxy.ts';

/** A value as JavaScript's arithmetic uses it: true is 1, false is 0. PyTorch's functions by name keep bools. */
export function asNumber(x: unknown): unknown {
  if (typeof x === 'boolean') return Number(x);
  // A value of another trace is an error of the operation itself.
  if (x instanceof TensorProxy)
    return x[inner].builder === activeBuilder() && x.dtype === 'bool' ? functions.long(asTraced(x)) : x;
  return x instanceof Tensor && x.dtype === 'bool' ? x.to('int64') : x;
}
