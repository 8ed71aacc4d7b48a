/** Results as JSON, numbers rounded, what is undefined left out; a number that JSON does not have as Python shows it. */
export function plain(value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value))
    return String(value).toLowerCase().replace('infinity', 'inf');
  if (Object.is(value, -0)) return '-0.0';
  if (isTensor(value)) {
    const data = Array.from(value.data, (one) => Number(Number(one).toFixed(3)));
    return { dtype: value.dtype, dims: [...value.dims], data };
  }
  if (Array.isArray(value)) return Array.from(value, (one) => plain(one) ?? null);
  if (typeof value !== 'object' || value === null) return value ?? null;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}

function isTensor(value: unknown): value is { dtype: string; dims: readonly number[]; data: ArrayLike<unknown> } {
  return Object(value) === value && 'dtype' in Object(value) && 'dims' in Object(value);
}

/** The same for what Python printed. */
export function rounded(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, one) =>
    typeof one === 'number' ? Number(one.toFixed(3)) : one === true ? 1 : one === false ? 0 : one,
  );
}
