import { TraceError } from '../errors.ts';
import { unknownOption } from '../nearest.ts';
import { callerSite } from '../tracing/caller.ts';
import { isPlainObject } from '../tracing/plain-object.ts';
import type { InputHooks } from '../types/input-hooks.ts';
import type { ExecuteOptions, LoadOptions, TraceOptions } from '../types/model.ts';
import {
  BACKEND,
  CHECKED_LATER,
  COUNT,
  FLAG,
  FUNCTION,
  NAMES_BY_PATH,
  OBJECT,
  type OptionKind,
  PROGRESS,
  REUSE,
  SIGNAL,
  TEXT,
} from './option-kinds.ts';

/** All options that a call takes, and what each may be: the compiler asks for each. */
export type OptionKinds<T> = { readonly [K in keyof Required<T>]: OptionKind };

export const TRACE_OPTIONS: OptionKinds<TraceOptions> = {
  backend: BACKEND,
  remote: FLAG,
  signal: SIGNAL,
  reuse: REUSE,
  onStats: FUNCTION,
  onProgress: FUNCTION,
};

export const EXECUTE_OPTIONS: OptionKinds<ExecuteOptions> = {
  signal: SIGNAL,
  onProgress: FUNCTION,
  onToken: FUNCTION,
  attached: FUNCTION,
};

export const LOAD_OPTIONS: OptionKinds<LoadOptions> = {
  device: TEXT,
  fuse: FLAG,
  reuse: FLAG,
  segmentation: CHECKED_LATER,
  maxIterations: COUNT,
  rename: NAMES_BY_PATH,
  envoys: OBJECT,
  inputHooks: OBJECT,
  revision: TEXT,
  file: TEXT,
  dtype: TEXT,
  subfolder: TEXT,
  token: TEXT,
  localFilesOnly: FLAG,
  progress: PROGRESS,
};

/**
 * Checks the options that a call is given: it would ignore one that it does not have, and a value that does not fit would
 * be an error somewhere within, or none. What is undefined counts as left out.
 * @throws TraceError at the user's line
 */
export function checkOptions<T extends object>(call: string, given: T | undefined, kinds: OptionKinds<T>): void {
  if (given === undefined) return;
  if (typeof given === 'function') {
    throw new TraceError(`${call} takes the block before the options: ${call}(…, () => { … }, options).`, callerSite());
  }
  if (!isPlainObject(given)) {
    throw new TraceError(`The options of ${call} are an object, not ${JSON.stringify(given)}.`, callerSite());
  }
  const wrong = unknownOption(call, given, Object.keys(kinds));
  if (wrong !== null) throw new TraceError(`${wrong}.`, callerSite());
  for (const name of Object.keys(given) as (keyof T & string)[]) {
    const value: unknown = given[name];
    const { text, fits } = kinds[name];
    if (value === undefined || fits(value)) continue;
    throw new TraceError(`The option ${name} of ${call} is ${text}, not ${shown(value)}.`, callerSite());
  }
}

/** What a loader of models is given. */
export function checkLoad(call: string, place: unknown, options: LoadOptions, rest: readonly unknown[]): void {
  if (typeof place !== 'string') {
    const found = place instanceof URL ? ': fileURLToPath(url) makes one of a URL' : `, not ${shown(place)}`;
    throw new TraceError(`${call} takes a path, or the id of a model of the hub, as a text${found}.`, callerSite());
  }
  checkOptions(call, options, LOAD_OPTIONS);
  checkNoMore(`${call}(path, options)`, rest);
}

/** The functions of `inputHooks`; an object of a class may have more of its own. */
export function checkInputHooks(hooks: InputHooks | undefined): void {
  if (!isPlainObject(hooks)) return;
  checkOptions('inputHooks', hooks as InputHooks, { prepareInputs: FUNCTION, batch: FUNCTION, methods: OBJECT });
}

/**
 * Checks that nothing stands behind the arguments of a call: JavaScript would ignore it.
 * @throws TraceError at the user's line
 */
export function checkNoMore(call: string, rest: readonly unknown[]): void {
  const found = rest.find((argument) => argument !== undefined);
  if (found !== undefined)
    throw new TraceError(`${call} takes no more than that, but there is ${shown(found)}.`, callerSite());
}

function shown(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'such an array' : 'such an object';
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
