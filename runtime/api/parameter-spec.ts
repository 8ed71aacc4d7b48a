import { TraceError } from '../errors.ts';
import { DTYPES } from '../graph/types.ts';
import { type Inputs, matchNumbers } from '../inputs/signature.ts';
import { type AnyTensor, Tensor } from '../tensor/tensor.ts';
import { callerSite } from '../tracing/caller.ts';
import { isPlainObject } from '../tracing/plain-object.ts';
import type { InterventionParameter } from '../types/intervention.ts';

const HELP =
  "Write a dtype, with dims where it is a tensor: 'float32', 'float32[128]', 'int64[batch, n]', 'bool[?]'. The dtypes are";

/** Reads the parameters that an intervention declares. Throws a TraceError for anything but a dtype with dims, and a default. */
export function parseParameters(specs: Readonly<Record<string, unknown>>): InterventionParameter[] {
  return Object.entries(specs).map(([name, spec]) => {
    if (name === '') throw new TraceError('A parameter has no name. Call it something.', callerSite());
    if (!isPlainObject(spec)) return parseType(name, spec);
    const { type, default: usual, ...others } = spec;
    const [stray] = Object.keys(others);
    if (stray !== undefined || usual === undefined) {
      const what = stray === undefined ? 'has no default' : `has '${stray}'`;
      throw new TraceError(
        `The declaration of the parameter '${name}' ${what}. Write { type: 'float32', default: 1 }, or its type alone.`,
        callerSite(),
      );
    }
    const parameter = parseType(name, type);
    return { ...parameter, default: defaultOf(parameter, usual) };
  });
}

/** The default as a tensor of its own: what is written into the user's array later does not change it. */
function defaultOf(parameter: InterventionParameter, usual: unknown): AnyTensor {
  try {
    const { dtype, dims, raw } = matchNumbers([parameter], { [parameter.name]: usual } as Inputs).get(parameter.name)!;
    return new Tensor(dtype, dims, raw.slice());
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    throw new TraceError(`The default of the parameter '${parameter.name}' does not fit it. ${reason}`, callerSite());
  }
}

function parseType(name: string, spec: unknown): InterventionParameter {
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
