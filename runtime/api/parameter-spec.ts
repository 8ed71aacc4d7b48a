import { TraceError } from '../errors.ts';
import { DTYPES } from '../graph/types.ts';
import { callerSite } from '../tracing/caller.ts';
import type { InterventionParameter } from '../types/intervention.ts';

const HELP =
  "Write a dtype, with dims where it is a tensor: 'float32', 'float32[128]', 'int64[batch, n]', 'bool[?]'. The dtypes are";

/** Reads the parameters that an intervention declares. Throws a TraceError for anything but a dtype with dims. */
export function parseParameters(specs: Readonly<Record<string, string>>): InterventionParameter[] {
  return Object.entries(specs).map(([name, spec]) => parseParameter(name, spec));
}

function parseParameter(name: string, spec: unknown): InterventionParameter {
  const [, dtype, inner] = /^\s*(\w+)\s*(?:\[(.*)\])?\s*$/.exec(typeof spec === 'string' ? spec : '') ?? [];
  const dims = inner === undefined || inner.trim() === '' ? [] : inner.split(',').map(parseDim);
  const known = DTYPES.find((one) => one === dtype);
  if (!known || dims.includes(undefined)) {
    throw new TraceError(
      `The parameter '${name}' is declared as ${JSON.stringify(spec) ?? typeof spec}. ${HELP} ${DTYPES.join(', ')}.`,
      callerSite(),
    );
  }
  return { name, dtype: known, dims: dims as InterventionParameter['dims'] };
}

/** A size, a name, or null for `?`; undefined for anything else. */
function parseDim(text: string): number | string | null | undefined {
  const dim = text.trim();
  if (dim === '?') return null;
  if (/^\d+$/.test(dim)) return Number(dim);
  return /^[A-Za-z_]\w*$/.test(dim) ? dim : undefined;
}
