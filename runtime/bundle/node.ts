import '../ort/node/environment.ts';
import { createHash } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  fstatSync,
  openSync,
  readFileSync,
  realpathSync,
  type Stats,
  statSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as ort from 'onnxruntime-node';
import * as z from 'zod';
import { OpenedFiles } from '../onnx/opened-files.ts';
import { readable } from '../ort/node/halves.ts';
import { type Bundle, bundleOf } from './bundle.ts';
import { BundleError } from './error.ts';
import { fetchFile, MANIFEST_BYTES } from './fetch-file.ts';
import { checkBytes, checkHash, checkSize, MOVED, placeIn } from './files.ts';
import { type LazyBundle, lazyBundle } from './lazy.ts';
import { MANIFEST, parseManifest } from './manifest.ts';
import type { BundleFile, Manifest } from './manifest-types.ts';
import { checkLoadOptions } from './options.ts';
import { manifestSchema } from './schema.ts';
import {
  type BundleDevice,
  type BundleSession,
  bundleSession,
  cannotLoad,
  type LoadBundleOptions,
  type OrtSession,
} from './session.ts';
import { type BundleInputs, openTokenizer } from './texts.ts';

export { InputError } from '../inputs/signature.ts';
export { Tensor } from '../tensor/tensor.ts';
export { BundleError } from './error.ts';
export type * from './types.ts';

/** Opens the bundle in a folder, or at a URL. Throws a BundleError if something is wrong with it. */
export async function loadBundle<I = BundleInputs, R = unknown>(
  folder: string | URL,
  options: LoadBundleOptions = {},
): Promise<Bundle<I, R>> {
  const base = new URL(folderUrl(folder).href.replace(/\/*$/, '/'));
  const { manifest, place } = await readManifest(base);
  return (await open(manifest, (path) => new URL(encodeURIComponent(path), base), place, options)) as Bundle<I, R>;
}

/** Makes the export of the file beside a bundle. */
export function defineBundle(json: object, files: Readonly<Record<string, () => URL>>): LazyBundle {
  const place = `the loader of '${(json as Manifest).name}'`;
  const manifest = validate(parseManifest(JSON.stringify(json), place), place);
  return lazyBundle(manifest, (options) => open(manifest, (path) => placeIn(files, path), place, options));
}

/** The manifest of the bundle in a folder, checked. */
async function readManifest(base: URL): Promise<{ readonly manifest: Manifest; readonly place: string }> {
  const url = new URL(MANIFEST, base);
  if (url.protocol !== 'file:') {
    const text = new TextDecoder().decode(await fetchFile(url, MANIFEST_BYTES));
    return { manifest: validate(parseManifest(text, url.href), url.href), place: url.href };
  }
  const place = pathOf(url);
  if (!statOf(place)?.isFile()) {
    throw new BundleError(`There is no bundle in ${dirname(place)}: it has no ${MANIFEST}.`);
  }
  return { manifest: validate(parseManifest(readFileSync(place, 'utf8'), place), place), place };
}

/** What stands at a path, undefined if nothing does. Throws a BundleError for what is no path, and for links that lead nowhere. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw new BundleError(`${JSON.stringify(path)} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function pathOf(url: URL): string {
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw new BundleError(`${url} is no path of this machine: ${(error as Error).message}`, { cause: error });
  }
}

function folderUrl(folder: string | URL): URL {
  if (folder instanceof URL) return folder;
  if (typeof folder !== 'string') throw new BundleError(`A bundle is a folder or a URL, not ${folder}.`);
  return /^(https?|file):/.test(folder) ? new URL(folder) : pathToFileURL(folder);
}

function validate(json: Record<string, unknown>, place: string): Manifest {
  const parsed = manifestSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const outside = parsed.error.issues.find(({ path }) => path[0] === 'files' && path[2] === 'path');
  const hint = outside ? " Files must lie in the bundle's own folder." : '';
  throw new BundleError(`${place} is not a manifest of a bundle:\n${z.prettifyError(parsed.error)}${hint}`);
}

async function open(
  manifest: Manifest,
  locate: (path: string) => URL,
  place: string,
  options: LoadBundleOptions,
): Promise<Bundle> {
  checkLoadOptions(options, 'Node', ['auto', 'cpu', 'cuda', 'webgpu']);
  const { device = 'auto', verify = true } = options;
  const chosen = device === 'auto' ? 'cpu' : device;
  const urls = manifest.files.map(({ path }) => locate(path));
  const tokenizer = await openTokenizer(manifest, (file) => readFile(file, locate(file.path), verify));
  const session = isFolder(manifest.files, urls)
    ? await localSession(manifest.files, urls, chosen, verify)
    : await readSession(manifest.files, urls, chosen, verify);
  return bundleOf(manifest, session, tokenizer, place);
}

/** Whether the files lie in one folder of this machine under their own names: a bundler may have given them others. */
function isFolder(files: readonly BundleFile[], urls: readonly URL[]): boolean {
  if (!urls.every(({ protocol }) => protocol === 'file:')) return false;
  const paths = urls.map(pathOf);
  const isOwnName = (path: string, i: number) => i === 0 || basename(path) === files[i]!.path;
  return paths.every((path, i) => dirname(path) === dirname(paths[0]!) && isOwnName(path, i));
}

/** Files on disk are not read into memory: ONNX Runtime maps them. */
async function localSession(
  files: readonly BundleFile[],
  urls: readonly URL[],
  device: BundleDevice,
  verify: boolean,
): Promise<BundleSession> {
  const paths = urls.map(pathOf);
  const [model, weights] = [new OpenedFiles(), new OpenedFiles()];
  for (const [i, file] of files.entries()) await checkFile(paths[i]!, file, verify, i === 0 ? model : weights);
  const session = await create(paths[0]!, device, []);
  try {
    checkUnchanged(model);
    checkUnchanged(weights);
  } catch (error) {
    await session.release();
    throw error;
  }
  return {
    ...session,
    // The model is in memory now; weights are read where they stand while it runs.
    async run(feeds, outputs) {
      checkUnchanged(weights);
      const results = await session.run(feeds, outputs);
      checkUnchanged(weights);
      return results;
    },
  };
}

async function readBytes(url: URL, most: number): Promise<Uint8Array<ArrayBuffer>> {
  if (url.protocol !== 'file:') return fetchFile(url, most);
  const path = pathOf(url);
  if (!statOf(path)?.isFile()) throw missing(path);
  return new Uint8Array(readFileSync(path));
}

function missing(path: string): BundleError {
  return new BundleError(`${path} is missing: the bundle needs it. ${MOVED}`);
}

/** What was checked must be what runs. */
function checkUnchanged(files: OpenedFiles): void {
  const changed = files.changed();
  if (changed !== null) throw new BundleError(`${changed} after the bundle was checked. Load the bundle again.`);
}

async function checkFile(path: string, file: BundleFile, verify: boolean, files: OpenedFiles): Promise<void> {
  const stat = statOf(path);
  if (!stat?.isFile()) throw missing(path);
  const real = realpathSync(path);
  if (dirname(real) !== realpathSync(dirname(path))) {
    throw new BundleError(`${path} is a link that points outside the bundle's folder, to ${real}.`);
  }
  const descriptor = openSync(path, 'r');
  try {
    const opened = fstatSync(descriptor, { bigint: true });
    files.add(path, opened);
    checkSize(Number(opened.size), file, path);
    if (!verify) return;
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path, { fd: descriptor, autoClose: false })) hash.update(chunk);
    checkHash(hash.digest('hex'), file, path);
  } finally {
    closeSync(descriptor);
  }
}

async function readFile(file: BundleFile, url: URL, verify: boolean): Promise<Uint8Array> {
  const data = await readBytes(url, file.bytes);
  if (verify) await checkBytes(data, file, url.href);
  return data;
}

/** Files that do not lie together are read into memory, from the web or from disk. */
async function readSession(
  files: readonly BundleFile[],
  urls: readonly URL[],
  device: BundleDevice,
  verify: boolean,
): Promise<BundleSession> {
  const [model, ...weights] = await Promise.all(
    files.map(async (file, i) => ({ path: file.path, data: await readFile(file, urls[i]!, verify) })),
  );
  return create(model!.data, device, weights);
}

async function create(
  model: string | Uint8Array,
  device: BundleDevice,
  externalData: readonly { readonly path: string; readonly data: Uint8Array }[],
): Promise<BundleSession> {
  const options = {
    executionProviders: [device],
    logSeverityLevel: 4,
    ...(externalData.length > 0 && { externalData: [...externalData] }),
  } as const;
  try {
    const session =
      typeof model === 'string'
        ? await ort.InferenceSession.create(model, options)
        : await ort.InferenceSession.create(model, options);
    const { inputMetadata, outputMetadata } = session;
    const run: OrtSession['run'] = (feeds, outputs) => session.run(readable(feeds), outputs);
    return bundleSession(ort, { inputMetadata, outputMetadata, run, release: () => session.release() }, device);
  } catch (error) {
    throw cannotLoad(device, error);
  }
}
