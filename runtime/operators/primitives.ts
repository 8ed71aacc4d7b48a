import type { Site } from '../graph/types.ts';
import { isOwnProxy } from '../own-proxies.ts';
import { Tensor } from '../tensor/tensor.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { checkConverted } from './implicit-calls.ts';
import { isIntrinsic } from './intrinsics.ts';

/**
 * An object as JavaScript makes a primitive of it, by its own `valueOf` or `Symbol.toPrimitive`. These may give a traced
 * number, which JavaScript would take for an object.
 */
export function primitive(value: unknown, hint: 'default' | 'number', site: Site): unknown {
  if (typeof value !== 'object' || value === null || isOwnProxy(value) || value instanceof Tensor) return value;
  if (activeBuilder()?.isRecording) checkConverted(value, site);
  const exotic: unknown = Reflect.get(value, Symbol.toPrimitive);
  const convert = exotic ?? Reflect.get(value, 'valueOf');
  if (typeof convert !== 'function' || isIntrinsic(convert)) return value;
  const result: unknown = Reflect.apply(convert, value, exotic ? [hint] : []);
  if (Object(result) !== result || isOwnProxy(result) || result instanceof Tensor) return result;
  if (exotic) throw new TypeError('Cannot convert object to primitive value');
  // What is no primitive is passed over.
  return Reflect.apply(Reflect.get(value, 'toString') as () => unknown, value, []);
}
