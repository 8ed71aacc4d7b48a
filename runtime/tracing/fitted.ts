import { TraceError } from '../errors.ts';
import { apply, copy, toProxy } from './apply.ts';
import type { Builder } from './builder.ts';
import { converted } from './converted.ts';
import { inner } from './hidden.ts';
import type { TensorProxy } from './proxy.ts';

/** A value with the dtype and the shape of the tensor it replaces. Throws a TraceError for one of another shape. */
export function fitted(target: Builder, name: string, value: unknown, current: TensorProxy): TensorProxy {
  const { dtype, shape } = current[inner].type;
  const proxy = converted(
    toProxy(value, typeof value === 'number' ? dtype : undefined),
    dtype,
    (found) => `${name} is ${dtype} and cannot be set to ${found}`,
  );
  const given = proxy[inner].type.shape;
  // A number fills the tensor. Any other shape PyTorch would go on with, which the graph of a model cannot.
  if (given && shape && given.length > 0) {
    const isSame =
      given.length === shape.length && given.every((dim, i) => dim === null || shape[i] === null || dim === shape[i]);
    if (!isSame)
      throw new TraceError(
        `${name} has dims [${shape.map((dim) => dim ?? '?')}] and cannot be set to a tensor of dims [${given.map((dim) => dim ?? '?')}]: the rest of the model expects its shape. To set each of its elements, assign to these, as in PyTorch: ${name}[':'] = …`,
        target.site,
      );
    if (given.every((dim) => dim !== null)) return proxy;
    // What only the run tells must not broadcast there, either: dims that do not fit fail it, and so does what was broadcast.
    const fit = apply('expand', [proxy, apply('shape', [current])]);
    return copy(apply('reshape', [fit, apply('shape', [proxy])]));
  }
  return copy(apply('expand', [proxy, apply('shape', [current])]));
}
