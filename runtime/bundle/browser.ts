import { type Bundle, bundleOf } from './bundle.ts';
import { fetchFile, MANIFEST_BYTES } from './fetch-file.ts';
import { checkBytes, placeIn } from './files.ts';
import { type LazyBundle, lazyBundle } from './lazy.ts';
import { checkManifest, MANIFEST, parseManifest } from './manifest.ts';
import type { BundleFile, Manifest } from './manifest-types.ts';
import { checkLoadOptions } from './options.ts';
import { type BundleDevice, type BundleSession, bundleSession, cannotLoad, type LoadBundleOptions } from './session.ts';
import { type BundleInputs, openTokenizer } from './texts.ts';

export { InputError } from '../inputs/signature.ts';
export { Tensor } from '../tensor/tensor.ts';
export { BundleError } from './error.ts';
export type * from './types.ts';

/** The globals of a page or a worker that are used here. */
const PAGE = globalThis as {
  readonly location?: { readonly href: string };
  readonly navigator?: { readonly gpu?: { requestAdapter(): Promise<unknown> } };
};

/** Opens the bundle in a folder on the web. Throws a BundleError if something is wrong with it. */
export async function loadBundle<I = BundleInputs, R = unknown>(
  folder: string | URL,
  options: LoadBundleOptions = {},
): Promise<Bundle<I, R>> {
  const base = new URL(String(folder).replace(/\/*$/, '/'), PAGE.location?.href);
  const place = new URL(MANIFEST, base);
  const text = new TextDecoder().decode(await fetchFile(place, MANIFEST_BYTES));
  const manifest = checkManifest(parseManifest(text, place.href), place.href);
  return (await open(manifest, (path) => new URL(path, base), options)) as Bundle<I, R>;
}

/** Makes the export of the file beside a bundle. */
export function defineBundle(json: object, files: Readonly<Record<string, () => URL>>): LazyBundle {
  const place = `the loader of '${(json as Manifest).name}'`;
  const manifest = checkManifest(parseManifest(JSON.stringify(json), place), place);
  return lazyBundle(manifest, (options) => open(manifest, (path) => placeIn(files, path), options));
}

async function open(manifest: Manifest, locate: (path: string) => URL, options: LoadBundleOptions): Promise<Bundle> {
  checkLoadOptions(options, 'A browser', ['auto', 'wasm', 'webgpu']);
  const read = async (file: BundleFile) => {
    const url = locate(file.path);
    const data = await fetchFile(url, file.bytes);
    if (options.verify !== false) await checkBytes(data, file, url.href);
    return data;
  };
  const [model, ...weights] = await Promise.all(
    manifest.files.map(async (file) => ({ path: file.path, data: await read(file) })),
  );
  const tokenizer = await openTokenizer(manifest, read);
  const session = await createSession(model!.data, weights, options.device ?? 'auto');
  return bundleOf(manifest, session, tokenizer, `the manifest of '${manifest.name}'`);
}

type Weights = readonly { readonly path: string; readonly data: Uint8Array }[];

async function createSession(
  model: Uint8Array,
  weights: Weights,
  device: 'auto' | BundleDevice,
): Promise<BundleSession> {
  if (device === 'wasm' || (device === 'auto' && !(await hasWebGpu()))) return create('wasm', model, weights);
  if (device === 'webgpu') return create('webgpu', model, weights);
  return create('webgpu', model, weights).catch(() => create('wasm', model, weights));
}

async function hasWebGpu(): Promise<boolean> {
  return Boolean(await PAGE.navigator?.gpu?.requestAdapter().catch(() => null));
}

async function create(device: 'wasm' | 'webgpu', model: Uint8Array, weights: Weights): Promise<BundleSession> {
  // Each build of ONNX Runtime is a download of its own: only the one that is used is loaded.
  const ort = device === 'wasm' ? await import('onnxruntime-web/wasm') : await import('onnxruntime-web/webgpu');
  try {
    const session = await ort.InferenceSession.create(model, {
      executionProviders: [device],
      logSeverityLevel: 3,
      externalData: [...weights],
    });
    return bundleSession(ort, session, device);
  } catch (error) {
    throw cannotLoad(device, error);
  }
}
