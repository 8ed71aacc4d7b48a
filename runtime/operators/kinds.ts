import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { asked } from '../tracing/doubtful.ts';
import { isMadeOfParts } from '../tracing/forms/parts.ts';
import { inner } from '../tracing/hidden.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { settled, uses, varyingOf } from '../tracing/varying.ts';
import { asScalar } from './of-results.ts';

/** `typeof`: a traced tensor without dimensions is the number or truth value that it will be, any other an object. */
export function typeof_(given: unknown, site: Site): unknown {
  const x = asScalar(asked(settled(given)));
  const varying = varyingOf(x);
  if (varying?.builder.open) {
    varying.builder.site = site;
    return uses.distribute(varying, (one) => typeof_(one, site));
  }
  if (!(x instanceof TensorProxy) || !x[inner].builder.open) return typeof x;
  if (!isScalar(x, 'typeof', site)) return 'object';
  if (x[inner].isMixed) throw mixed('typeof', site);
  return x.dtype === 'bool' ? 'boolean' : 'number';
}

/** Whether two values are of kinds (number, truth value, object) that `===` tells apart though tensors of them compare as numbers. */
export function areOfTwoKinds(a: unknown, b: unknown, site: Site): boolean {
  const [one, other] = [kindOf(a), kindOf(b)];
  if (one === null || other === null || (one === other && one !== 'mixed')) return false;
  if (one !== 'object' && other !== 'object' && [one, other].includes('mixed')) throw mixed('===', site);
  return true;
}

function kindOf(x: unknown): 'number' | 'boolean' | 'object' | 'mixed' | null {
  if (typeof x === 'number' || typeof x === 'boolean') return typeof x as 'number' | 'boolean';
  if (x instanceof TensorProxy) {
    if (x[inner].type.shape?.length !== 0) return null;
    return x[inner].isMixed ? 'mixed' : x.dtype === 'bool' ? 'boolean' : 'number';
  }
  const isOnlyItself = typeof x === 'function' || typeof x === 'symbol' || (isMadeOfParts(x) && !Array.isArray(x));
  return isOnlyItself ? 'object' : null;
}

/** The error of a question that 1 and true answer differently. */
export function mixed(operator: string, site: Site): TraceError {
  return new TraceError(
    `${operator} is asked of a value that is a number on one side of a traced condition and a truth value on the other: as tensors 1 and true are one. Make it a number on both: value ? 1 : 0.`,
    site,
  );
}

/** Whether a value is a traced number or truth value, which JavaScript does not take for an object. */
export function isScalar(x: unknown, operator: string, site: Site): boolean {
  if (!(x instanceof TensorProxy) || !x[inner].builder.open) return false;
  const { shape } = x[inner].type;
  if (shape) return shape.length === 0;
  throw new TraceError(
    `${operator} is asked of a tensor of which only the run will tell whether it has dimensions. Reshape it first: x.reshape([]) is a number.`,
    site,
  );
}
