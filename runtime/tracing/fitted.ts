import { TraceError } from '../errors.ts';
import { apply, copy, toProxy } from './apply.ts';
import type { Builder } from './builder.ts';
import { inner } from './hidden.ts';
import type { TensorProxy } from './proxy.ts';

/** A value with the dtype and the shape of the tensor it replaces. */
export function fitted(target: Builder, name: string, value: unknown, current: TensorProxy): TensorProxy {
  const { dtype, shape } = current[inner].type;
  let proxy = toProxy(value, typeof value === 'number' ? dtype : undefined);
  if (proxy.dtype !== dtype) {
    if (proxy.dtype.startsWith('float') && !dtype.startsWith('float')) {
      throw new TraceError(
        `${name} is ${dtype} and cannot be set to ${proxy.dtype}. Convert the value with to('${dtype}').`,
        target.site,
      );
    }
    proxy = apply('cast', [proxy], { dtype });
  }
  const given = proxy[inner].type.shape;
  if (given && shape) {
    const offset = shape.length - given.length;
    const fits =
      offset >= 0 &&
      given.every((dim, i) => dim === null || shape[i + offset] === null || dim === 1 || dim === shape[i + offset]);
    if (!fits)
      throw new TraceError(
        `${name} has dims [${shape.map((dim) => dim ?? '?')}] and cannot be set to a tensor of dims [${given.map((dim) => dim ?? '?')}].`,
        target.site,
      );
    if (offset === 0 && given.every((dim, i) => dim !== null && dim === shape[i])) return proxy;
  }
  return copy(apply('expand', [proxy, apply('shape', [current])]));
}
