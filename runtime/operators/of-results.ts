import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { Tensor } from '../tensor/tensor.ts';
import { toProxy } from '../tracing/apply.ts';
import { activeBuilder } from '../tracing/builder.ts';

/*
 * What a trace gave is an object to JavaScript, which would take it for true, for equal to itself alone and for the text
 * of a name. Compiled code takes it for the number or truth value that it is.
 */

/** A result without dimensions, as the value of this trace that it is; outside of a block the number or truth in it. */
export function asScalar(value: unknown): unknown {
  if (!(value instanceof Tensor) || value.dims.length > 0) return value;
  return activeBuilder() ? toProxy(value) : value.item();
}

/** A result that is about to be asked whether it counts as true. @throws TraceError if it has several elements, or none */
export function asCondition(value: unknown, site: Site): unknown {
  if (!(value instanceof Tensor)) return value;
  if (value.raw.length === 1) return activeBuilder() ? toProxy(value) : value.item();
  throw new TraceError(
    `Boolean value of a tensor with ${value.raw.length} values is ambiguous (its dims are [${value.dims}]). Reduce it with any() or all(); to ask whether there is one, write tensor !== undefined.`,
    site,
  );
}

/**
 * The two sides of an equality outside of a block, results of one element as what is in them.
 * @throws TraceError if one of them has several: in a block they would be compared one by one
 */
export function asEqual(a: unknown, b: unknown, operator: string, site: Site): readonly [unknown, unknown] {
  if (![a, b].some((x) => x instanceof Tensor) || ![a, b].every(isNumeric)) return [a, b];
  const [one, other] = [a, b].map((x) => (x instanceof Tensor && x.raw.length === 1 ? x.item() : x));
  if (![one, other].some((x) => x instanceof Tensor)) return [one, other];
  throw new TraceError(
    `${operator} compares tensors of several elements outside of a block, where it has one truth value. Write equal(a, b), or eq(a, b) for their elements; Object.is(a, b) says whether they are one object.`,
    site,
  );
}

function isNumeric(x: unknown): boolean {
  return x instanceof Tensor || ['number', 'boolean', 'bigint'].includes(typeof x);
}
