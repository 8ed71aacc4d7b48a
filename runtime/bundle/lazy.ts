/// <reference lib="esnext.disposable" preserve="true" />

import type { Bundle } from './bundle.ts';
import type { Manifest } from './manifest-types.ts';
import type { LoadBundleOptions } from './session.ts';
import type { BundleInputs } from './texts.ts';

/** A bundle that is loaded at its first call, or by `load`: the export of the file beside a bundle. */
export interface LazyBundle<I = BundleInputs, R = unknown> {
  /** Runs the model once with the intervention; loads it before if necessary. */
  (inputs: I): Promise<R>;
  /** Loads the model now, here or there; throws a BundleError if something is wrong with the bundle's files. */
  load(options?: LoadBundleOptions): Promise<Bundle<I, R>>;
  /** Frees the memory of what was loaded at once; `using` does it at the end of a scope. A later call is a BundleError. */
  release(): Promise<void>;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
  readonly manifest: Manifest;
}

type Open = (options: LoadBundleOptions) => Promise<Bundle>;

export function lazyBundle(manifest: Manifest, open: Open): LazyBundle {
  let loaded: Promise<Bundle> | null = null;
  const load = (options: LoadBundleOptions = {}): Promise<Bundle> => {
    const bundle = open(options);
    loaded = bundle;
    // A failure is not kept: the file may be there the next time.
    bundle.catch(() => {
      if (loaded === bundle) loaded = null;
    });
    return bundle;
  };
  const run = async (inputs: BundleInputs) => (await (loaded ?? load()))(inputs);
  const release = async () => (await loaded)?.release();
  return Object.assign(run, {
    load,
    manifest,
    release,
    [Symbol.dispose]: () => void release(),
    [Symbol.asyncDispose]: release,
  });
}
