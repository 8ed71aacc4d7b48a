import * as functions from '../functions/index.ts';
import { asTraced } from '../functions/nodes.ts';
import { Tensor } from '../tensor/tensor.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { inner } from '../tracing/hidden.ts';
import { TensorProxy } from '../tracing/proxy.ts';

/** What JavaScript calculates with in the place of a text, null or undefined beside a number; any other value as it is. */
export function known(x: unknown): unknown {
  return isKnown(x) ? Number(x) : x;
}

/** Whether a value is no number, but has one that is known: beside a tensor with dimensions it has none. */
export function isKnown(x: unknown): x is string | null | undefined {
  return typeof x === 'string' || x === null || x === undefined;
}

/** Whether a value is one number or truth value, known or traced. */
export function isSingle(x: unknown): boolean {
  return ['number', 'boolean'].includes(typeof x) || (x instanceof TensorProxy && x[inner].type.shape?.length === 0);
}

/** A value as JavaScript's arithmetic uses it: true is 1, false is 0. PyTorch's functions by name keep bools. */
export function asNumber(x: unknown): unknown {
  if (typeof x === 'boolean') return Number(x);
  // A value of another trace is an error of the operation itself.
  if (x instanceof TensorProxy)
    return x[inner].builder === activeBuilder() && x.dtype === 'bool' ? functions.long(asTraced(x)) : x;
  return x instanceof Tensor && x.dtype === 'bool' ? x.to('int64') : x;
}
