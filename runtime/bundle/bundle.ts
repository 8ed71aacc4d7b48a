/// <reference lib="esnext.disposable" preserve="true" />

import { withDefaults } from '../inputs/defaults.ts';
import { matchInputs } from '../inputs/signature.ts';
import type { Tokenizer } from '../types/tokenizer.ts';
import { defaultFromJson } from './defaults.ts';
import { BundleError } from './error.ts';
import type { BundleTensor, Manifest } from './manifest-types.ts';
import { outputsIn, resultsOf } from './results.ts';
import type { BundleDevice, BundleSession, Declared } from './session.ts';
import { type BundleInputs, withTokens } from './texts.ts';

/** An intervention that was compiled: call it with the model's inputs and the parameters. */
export interface Bundle<I = BundleInputs, R = unknown> {
  /** Runs the model once with the intervention. Throws an InputError for inputs that do not fit. */
  (inputs: I): Promise<R>;
  readonly manifest: Manifest;
  /** Makes tokens of texts and texts of tokens; null unless it was compiled with a tokenizer. */
  readonly tokenizer: Tokenizer | null;
  /** Where it runs. */
  readonly device: BundleDevice;
  /** Frees the model's memory at once; `using` does it at the end of a scope. A later call is a BundleError. */
  release(): Promise<void>;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Binds a manifest and a session together. Throws a BundleError if the model does not match the manifest. */
export function bundleOf(
  manifest: Manifest,
  session: BundleSession,
  tokenizer: Tokenizer | null,
  place: string,
): Bundle {
  const used = manifest.inputs.filter((input) => input.used);
  compare('input', [...used, ...manifest.parameters], session.inputs, place);
  compare('output', manifest.outputs, session.outputs, place);
  const parameters = manifest.parameters.map((one) => ({ ...one, default: defaultFromJson(one, place) }));
  const names = new Set(manifest.outputs.map(({ name }) => name));
  const stray = outputsIn(manifest.returns).find((name) => !names.has(name));
  if (stray !== undefined) throw new BundleError(`${place}: the results name an output '${stray}' that is not there.`);

  let released: Promise<void> | null = null;
  const running = new Set<Promise<unknown>>();
  const release = () => {
    // A session must not go while it runs.
    released ??= Promise.allSettled(running).then(() => session.release());
    return released;
  };
  const run = async (asked: BundleInputs): Promise<unknown> => {
    if (released) throw new BundleError(`The bundle '${manifest.name}' was released. Load it again.`);
    const inputs = withTokens(asked, manifest, tokenizer);
    const given = manifest.inputs.filter((input) => input.used || inputs?.[input.name] !== undefined);
    const feeds = matchInputs([...given, ...parameters], withDefaults(parameters, inputs));
    for (const { name, used: isUsed } of manifest.inputs) if (!isUsed) feeds.delete(name);
    const results = session.run(feeds, [...names]);
    running.add(results);
    try {
      return resultsOf(manifest.returns, await results);
    } catch (error) {
      throw runError(error, manifest);
    } finally {
      running.delete(results);
    }
  };
  return Object.assign(run, {
    manifest,
    tokenizer,
    device: session.device,
    release,
    [Symbol.dispose]: () => void release(),
    [Symbol.asyncDispose]: release,
  });
}

function compare(kind: string, told: readonly BundleTensor[], found: readonly Declared[], place: string): void {
  const dtypes = new Map(found.map(({ name, dtype }) => [name, dtype]));
  for (const { name, dtype } of told) {
    const actual = dtypes.get(name);
    if (actual === undefined)
      throw new BundleError(`${place} names an ${kind} '${name}' that the model does not have.`);
    if (actual !== dtype) {
      throw new BundleError(`${place} says that the ${kind} '${name}' is ${dtype}, but in the model it is ${actual}.`);
    }
  }
  const missing = found.find(({ name }) => !told.some((one) => one.name === name));
  if (missing) throw new BundleError(`${place} does not name the model's ${kind} '${missing.name}'.`);
}

/** An error of the run, at the line of the intervention whose node failed. */
function runError(error: unknown, { name }: Manifest): Error {
  const message = error instanceof Error ? error.message : String(error);
  const [, file, line, column] = /onnsight\d+_at_\d+:([^:]+):(\d+):(\d+)/.exec(message) ?? [];
  const reason = message
    .replace(/^.*Status Message: /s, '')
    .replace(/^Error: /, '')
    .trim();
  const at = file === undefined ? '' : `${file.replaceAll('|', '/')}:${line}:${column} - `;
  return new BundleError(`${at}The bundle '${name}' could not run on these inputs: ${reason}`, { cause: error });
}
