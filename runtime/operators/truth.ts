import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { apply } from '../tracing/apply.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { settled, uses, varyingOf } from '../tracing/varying.ts';

/** Whether a value counts as true: a truth value, or a traced one (bool, no dimensions). */
export function truthOf(given: unknown, site: Site): TensorProxy | boolean {
  const value = settled(given);
  const varying = varyingOf(value);
  const target = activeBuilder();
  if (target) target.site = site;
  if (varying) return uses.distribute(varying, (one) => truthOf(one, site)) as TensorProxy | boolean;
  if (!(value instanceof TensorProxy)) return Boolean(value);
  const test = truth(value);
  return test.builder.knows(test.value()) ?? test;
}

/** The truth of a tensor of one element, as PyTorch's `bool(tensor)`. */
export function truth(test: TensorProxy): TensorProxy {
  const { shape } = test.type;
  if (shape?.some((dim) => dim !== null && dim !== 1)) {
    throw new TraceError(
      `Boolean value of a tensor with more than one value is ambiguous (its dims are [${shape.map((dim) => dim ?? '?')}]). Reduce it with any() or all().`,
      test.builder.site,
    );
  }
  const bool = test.dtype === 'bool' ? test : apply('cast', [test], { dtype: 'bool' });
  return shape?.length === 0 ? bool : apply('squeeze', [bool], { dims: null });
}
