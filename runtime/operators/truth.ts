import { TraceError } from '../errors.ts';
import { asProxy, asTraced } from '../functions/nodes.ts';
import type { Site } from '../graph/types.ts';
import { apply } from '../tracing/apply.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { asked } from '../tracing/doubtful.ts';
import { inner } from '../tracing/hidden.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { settled, uses, varyingOf } from '../tracing/varying.ts';
import { isTruthy } from './math-functions.ts';
import { asCondition } from './of-results.ts';

/** True, false, or what the run will tell (bool, no dimensions). */
export type Truth = TensorProxy | boolean;

export function both(a: Truth, b: Truth): Truth {
  if (typeof a === 'boolean') return a && b;
  return typeof b === 'boolean' ? b && a : apply('logicalAnd', [a, b]);
}

export function either(a: Truth, b: Truth): Truth {
  if (typeof a === 'boolean') return a || b;
  return typeof b === 'boolean' ? b || a : apply('logicalOr', [a, b]);
}

export function not(a: Truth): Truth {
  return typeof a === 'boolean' ? !a : apply('logicalNot', [a]);
}

/** Whether a value counts as true. */
export function truthOf(given: unknown, site: Site): Truth {
  const target = activeBuilder();
  if (target) target.site = site;
  const value = asCondition(asked(settled(given)), site);
  const varying = varyingOf(value);
  if (varying) return uses.distribute(varying, (one) => truthOf(one, site)) as Truth;
  if (!(value instanceof TensorProxy)) return Boolean(value);
  const test = truth(value);
  return test[inner].builder.scope.knows(test[inner].value()) ?? test;
}

/** The truth of a tensor of one element, which for NaN is false, as JavaScript has it. */
export function truth(test: TensorProxy): TensorProxy {
  const { shape } = test[inner].type;
  if (shape?.some((dim) => dim !== null && dim !== 1)) {
    throw new TraceError(
      `Boolean value of a tensor with more than one value is ambiguous (its dims are [${shape.map((dim) => dim ?? '?')}]). Reduce it with any() or all().`,
      test[inner].builder.site,
    );
  }
  const bool = test.dtype === 'bool' ? test : asProxy(isTruthy(asTraced(test)));
  return shape?.length === 0 ? bool : apply('squeeze', [bool], { dims: null });
}
