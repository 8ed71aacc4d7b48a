import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { TraceError } from '../errors.ts';
import { callerSite } from '../tracing/caller.ts';
import { COUNT, FUNCTION, TEXT, WHOLE } from './option-kinds.ts';
import { checkNoMore, checkOptions } from './options.ts';
import { RemoteError } from './remote-error.ts';
import { ResultFile } from './result-file.ts';

/** How `map` runs. */
export interface MapOptions {
  /** How many run at once: 4 unless given. */
  readonly concurrency?: number;
  /** How often one is tried again whose server could not be asked, or was busy: 3 times unless given. */
  readonly retries?: number;
  /**
   * A file of results. What is in it does not run again, so that a sweep that was ended goes on where it was. It is for
   * these inputs in their order (one that comes twice has two results) and this function, which is known by its text
   * alone: the variables that it uses belong into the inputs, or into the name of the file.
   */
  readonly file?: string;
  /** Told after each result how many there are, and how many there will be. It is awaited. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Before it is tried again, in milliseconds; each time twice as long. */
const PAUSE = 1000;

/**
 * Runs a function, which traces, for each of some inputs; gives the results in the order of the inputs.
 * `map(prompts, (prompt) => lm.trace(prompt, () => …, { backend }), { concurrency: 8, file: 'sweep.jsonl' })`
 *
 * The first error ends it: what runs is awaited, and no more begins; the file has all results so far.
 * @throws TraceError for a file of another sweep, of other inputs or another function
 */
export async function map<Input, Result>(
  inputs: readonly Input[],
  run: (input: Input, index: number) => Promise<Result>,
  options: MapOptions = {},
  ...rest: readonly never[]
): Promise<Result[]> {
  if (!Array.isArray(inputs) || typeof run !== 'function') {
    throw new TraceError(
      'map takes an array of inputs, and a function of one: map(inputs, (input) => …).',
      callerSite(),
    );
  }
  checkNoMore('map(inputs, run, options)', rest);
  checkOptions('map', options, { concurrency: COUNT, retries: WHOLE, file: TEXT, onProgress: FUNCTION });
  const { concurrency = 4, retries = 3, file, onProgress } = options;
  const kept = file === undefined ? null : new ResultFile(file, sweepOf(inputs, run), callerSite());
  const results = Array.from(inputs, (_, i) => kept?.results.get(i) as Result);
  const open = Array.from(inputs.keys()).filter((i) => !kept?.results.has(i));
  let done = inputs.length - open.length;
  const work = async () => {
    for (let i = open.shift(); i !== undefined; i = open.shift()) {
      try {
        results[i] = await patiently(() => run(inputs[i]!, i), retries);
        kept?.add(i, results[i]);
        await onProgress?.(++done, inputs.length);
      } catch (error) {
        open.length = 0;
        throw error;
      }
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: concurrency }, work));
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
  return results;
}

async function patiently<R>(run: () => Promise<R>, retries: number): Promise<R> {
  for (let tried = 0; ; tried++) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof RemoteError) || !error.isPassing || tried >= retries) throw error;
      await delay(PAUSE * 2 ** tried);
    }
  }
}

/** What JSON has no words for, so that two inputs which differ are not taken for one. */
function told(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return { bigint: String(value) };
  if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))) return { number: inspect(value) };
  if (value instanceof Map || value instanceof Set) return { [value.constructor.name]: [...value] };
  if (typeof value === 'function') return { function: String(value) };
  return value === undefined ? { undefined: true } : value;
}

/** What a file of results is for. The function is known by its text. */
function sweepOf(inputs: readonly unknown[], run: (...values: never[]) => unknown): string {
  return createHash('sha256')
    .update(`${run}\n${JSON.stringify(inputs, told)}`)
    .digest('hex');
}
