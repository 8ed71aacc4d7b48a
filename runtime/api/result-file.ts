import { appendFileSync, readFileSync, truncateSync } from 'node:fs';
import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { statFile } from '../onnx/stat-file.ts';
import { tensorFromJson, tensorToJson } from '../tensor/json.ts';
import { tensorSchema } from '../tensor/json-schema.ts';
import { Tensor } from '../tensor/tensor.ts';
import { isPlainObject } from '../tracing/plain-object.ts';

/** The name of what stands for a tensor in the file. */
const TENSOR = '$tensor';

/**
 * Results as lines of JSON, each written when it is there: `{ "sweep": … }`, then `{ "index", "result" }`, tensors in base64.
 * A last line that was cut off, when the program ended, counts as not written.
 */
export class ResultFile {
  readonly results = new Map<number, unknown>();
  readonly #path: string;
  readonly #site: Site | null;

  /** @throws TraceError if the file holds another sweep, is no file of results, or cannot be read or written */
  constructor(path: string, sweep: string, site: Site | null) {
    this.#path = path;
    this.#site = site;
    const text = this.#use(() => (statFile(path) ? readFileSync(path, 'utf8') : ''));
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    const [first, ...rest] = whole.split('\n').slice(0, -1).map(parsed);
    if (first === undefined && text === whole) this.#write({ sweep });
    else if (first?.sweep !== sweep) {
      throw new TraceError(
        `${path} does not have the results of this sweep, but of other inputs or another function. Name another file, or remove it.`,
        site,
      );
    }
    // Only now is it known to be a file of results, of which a line that was cut off may go.
    if (whole.length < text.length) this.#use(() => truncateSync(path, Buffer.byteLength(whole)));
    rest.forEach((line, i) => {
      try {
        if (!Number.isInteger(line?.index)) throw new TypeError('it has no index');
        this.results.set(line!.index as number, read(line!.result));
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : cause;
        throw new TraceError(
          `${path}:${i + 2} is not a result that was written here: ${why}. Remove the line, and it runs again.`,
          site,
          { cause },
        );
      }
    });
  }

  add(index: number, result: unknown): void {
    this.#write({ index, result: written(result) });
  }

  #write(line: object): void {
    const text = `${JSON.stringify(line)}\n`;
    this.#use(() => appendFileSync(this.#path, text));
  }

  #use<T>(file: () => T): T {
    try {
      return file();
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : cause;
      throw new TraceError(`The file of results ${this.#path} cannot be used: ${why}.`, this.#site, { cause });
    }
  }
}

function parsed(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const json: unknown = JSON.parse(line);
    return isPlainObject(json) ? json : null;
  } catch {
    return null;
  }
}

/** So deep do arrays and objects stand in one another at most: one that stands in itself has no end. */
const DEEPEST = 500;

/** Throws a TypeError for what a file cannot hold. */
function written(value: unknown, depth = 0): unknown {
  if (depth > DEEPEST) throw new TypeError(`a file of results holds arrays and objects up to ${DEEPEST} deep`);
  if (value instanceof Tensor) return { [TENSOR]: tensorToJson(value) };
  if (Array.isArray(value)) return value.map((one) => written(one, depth + 1));
  if (isPlainObject(value) && !(TENSOR in value)) {
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, written(one, depth + 1)]));
  }
  const isData = value === null || ['string', 'boolean'].includes(typeof value) || Number.isFinite(value);
  if (isData) return value;
  throw new TypeError(
    `a file of results holds tensors, finite numbers, texts, truths, null, and arrays and plain objects of these, not ${typeof value === 'object' ? 'such an object' : String(value)}`,
  );
}

function read(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(read);
  if (!isPlainObject(value)) return value;
  if (TENSOR in value) return tensorFromJson(tensorSchema.parse(value[TENSOR]));
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, read(one)]));
}
