import { inner } from '../tracing/hidden.ts';
import { isPlainObject } from '../tracing/plain-object.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { isTracedTexts, savedTexts } from '../tracing/texts.ts';
import { varyingOf } from '../tracing/varying.ts';

/** The value that a block returned, with dtype and dims in place of every tensor, saved or not; null for sizes that only the run tells. */
export function describeTypes(value: unknown): unknown {
  if (value instanceof TensorProxy) {
    const { dtype, shape } = value[inner].type;
    return { dtype, dims: shape && [...shape] };
  }
  // How many texts there are the run will tell.
  if (isTracedTexts(value) || savedTexts(value)) return { dtype: 'string', dims: null };
  const cases = varyingOf(value)?.cases;
  if (cases) return describeTypes(cases.find((one) => one.value !== undefined && one.value !== null)?.value);
  if (Array.isArray(value)) return value.map(describeTypes);
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, describeTypes(field)]));
}
