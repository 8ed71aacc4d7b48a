import { Tensor } from '../tensor/tensor.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { GraphEntries } from '../tracing/lists.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { varyingOf } from '../tracing/varying.ts';

/** Whether an operator on this value builds a node. */
export function isTraced(x: unknown): boolean {
  return (
    x instanceof TensorProxy ||
    ((x instanceof Tensor || x instanceof GraphEntries || varyingOf(x) !== null) && activeBuilder() !== null)
  );
}

/** Whether a value is a tensor that a trace has given, and no single number: outside of blocks operators compute with it at once. */
export function hasElements(x: unknown): boolean {
  return x instanceof Tensor && x.raw.length !== 1;
}
