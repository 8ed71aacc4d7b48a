import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, posix } from 'node:path';
import { downloadFile, listFiles, modelInfo } from '@huggingface/hub';
import { ModelError } from '../onnx/error.ts';
import { weightFiles } from '../onnx/read.ts';
import { type ProgressOption, type ProgressReport, reportProgress } from './download-progress.ts';
import { CachedModel, type HubFile } from './hub-cache.ts';
import { type HubRequest, hubError, isRefusal, offlineError } from './hub-error.ts';
import { isCommit, isContentHash, isInside } from './hub-names.ts';
import { chooseModelFile, type FileChoice, filesUnder, findModelFile, neededFiles } from './model-files.ts';

/** How much of a list of files is read, which may not end: a page of the hub has up to a thousand. */
const MOST_FILES = 1_000_000;
const MOST_PAGES = 1000;

/** How a model is fetched from the hub. */
export interface HubOptions extends FileChoice {
  /** A branch, a tag or a commit of the repository; `main` if not given. */
  readonly revision?: string;
  /** An access token of the hub; without it `HF_TOKEN` or the one that `hf auth login` stored. */
  readonly token?: string;
  /** Use only the cache and no network, as `HF_HUB_OFFLINE=1` does for all models. */
  readonly localFilesOnly?: boolean;
  /** A bar on stderr in a terminal (true, if not given), none (false), or a function that is called as bytes come. */
  readonly progress?: ProgressOption;
}

/** The folder in the cache of a model of the hub, fetched if the network allows it; see `modelFolder`. */
export async function hubFolder(id: string, options: HubOptions): Promise<string> {
  const hubUrl = (process.env.HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, '');
  const request = { id, revision: options.revision ?? 'main', hubUrl };
  if (!isInside(request.revision)) throw new ModelError(`${JSON.stringify(request.revision)} is no revision of ${id}`);
  const cache = new CachedModel(id);
  if (options.localFilesOnly || isOn(process.env.HF_HUB_OFFLINE) || isOn(process.env.TRANSFORMERS_OFFLINE)) {
    const folder = cachedFolder(cache, request, options);
    if (folder === null) throw offlineError(request, cache.folder);
    return folder;
  }
  try {
    return await fetchModel(cache, request, options);
  } catch (error) {
    const folder = isRefusal(error) ? null : cachedFolder(cache, request, options);
    if (folder === null) throw hubError(request, error, cache.folder);
    return folder;
  }
}

/** The graph is the last file to be written, so that a folder that has it has all. */
function cachedFolder(cache: CachedModel, { revision }: HubRequest, choice: HubOptions): string | null {
  const folder = cache.find(revision);
  return folder !== null && findModelFile(filesUnder(folder), choice) !== null ? folder : null;
}

async function fetchModel(cache: CachedModel, request: HubRequest, options: HubOptions): Promise<string> {
  const { id, revision, hubUrl } = request;
  const accessToken = options.token ?? storedToken();
  const hub = { hubUrl, ...(accessToken === undefined ? {} : { accessToken }) };
  const ask = impatientFetch(hubUrl);
  const { sha } = await modelInfo({ ...hub, name: id, revision, additionalFields: ['sha'], fetch: ask });
  if (!isCommit(sha)) throw new ModelError(`${hubUrl} names a commit of ${id} that is none: ${JSON.stringify(sha)}`);
  const files = await listModelFiles(id, { ...hub, revision: sha, fetch: ask });
  const paths = [...files.keys()];
  const needed = neededFiles(
    paths,
    chooseModelFile(paths, `the repository ${id} on ${hubUrl}`, options),
    options.subfolder,
  );
  const present = new Set(cache.find(sha) === null ? [] : filesUnder(cache.snapshot(sha)));
  const missing = needed.filter((path) => !present.has(path)).map((path) => files.get(path)!);
  if (missing.length > 0) {
    const total = missing.reduce((sum, { size }) => sum + size, 0);
    const progress = reportProgress(id, total, options.progress);
    try {
      const fetched = (file: HubFile) => {
        present.add(file.path);
        const download = () => downloadFile({ ...hub, repo: id, path: file.path, revision: sha });
        return cache.fetch(file, async () => chunks(file, await download(), progress));
      };
      for (const file of missing) {
        const blob = await fetched(file);
        // A graph stands under its name when all that it needs is there.
        for (const path of file.path.endsWith('.onnx') ? weightsBeside(file.path, blob) : []) {
          const weights = files.get(path);
          if (weights === undefined || present.has(path)) continue;
          progress.extend(weights.size);
          await cache.add(sha, weights, await fetched(weights));
        }
        await cache.add(sha, file, blob);
      }
    } finally {
      progress.stop();
    }
  }
  await cache.remember(revision, sha);
  return cache.snapshot(sha);
}

/** The files that the weights of a graph stand in, whatever they are called, in the repository. */
function weightsBeside(graph: string, blob: string): string[] {
  try {
    return weightFiles(blob).map((location) => posix.join(posix.dirname(graph), location));
  } catch (error) {
    // What is wrong with the file is told where it is opened.
    if (error instanceof ModelError) return [];
    throw error;
  }
}

async function listModelFiles(
  id: string,
  hub: Partial<Parameters<typeof listFiles>[0]>,
): Promise<Map<string, HubFile>> {
  const files = new Map<string, HubFile>();
  for await (const { type, path, size, lfs, oid } of listFiles({ ...hub, repo: id, recursive: true })) {
    const hash = lfs?.oid ?? oid;
    if (type !== 'file' || hash === undefined) continue;
    if (files.has(path) || files.size === MOST_FILES) {
      throw new ModelError(
        `${hub.hubUrl} lists ${files.has(path) ? `${path} twice` : `more than ${MOST_FILES} files`}`,
      );
    }
    files.set(path, checkedFile({ path, size: lfs?.size ?? size, hash }, hub.hubUrl));
  }
  return files;
}

/** Paths, hashes and commits become paths in the cache: they must have the form of what they are, and not lead out of it. */
function checkedFile(file: HubFile, hubUrl = 'the hub'): HubFile {
  if (!isInside(file.path))
    throw new ModelError(`${hubUrl} lists a file whose path leads elsewhere: ${JSON.stringify(file.path)}`);
  if (!isContentHash(file.hash)) {
    throw new ModelError(`${hubUrl} gives ${file.path} a hash that is none: ${JSON.stringify(file.hash)}`);
  }
  if (!Number.isSafeInteger(file.size) || file.size < 0) {
    throw new ModelError(`${hubUrl} gives ${file.path} a size that is none: ${JSON.stringify(file.size)}`);
  }
  return file;
}

async function* chunks({ path }: HubFile, blob: Blob | null, progress: ProgressReport): AsyncGenerator<Uint8Array> {
  if (blob === null) throw new Error(`the hub lists ${path} but does not have it`);
  for await (const chunk of blob.stream()) {
    await progress.update(path, chunk.length);
    yield chunk;
  }
}

/**
 * Asks the hub, and nobody else: a list of files may name the address where it goes on, to which the token would go along.
 * A network that never answers must not hang the program: queries, unlike downloads, have a time limit.
 */
function impatientFetch(hubUrl: string): typeof fetch {
  const { origin } = new URL(hubUrl);
  let asked = 0;
  return async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    if (asked++ === MOST_PAGES) throw new ModelError(`${hubUrl} lists files on more than ${MOST_PAGES} pages`);
    if (new URL(url).origin !== origin) throw new ModelError(`${hubUrl} leads to another host: ${url}`);
    const seconds = Number(process.env.HF_HUB_ETAG_TIMEOUT) || 10;
    return fetch(input, { ...init, signal: AbortSignal.timeout(seconds * 1000) });
  };
}

function storedToken(): string | undefined {
  if (process.env.HF_TOKEN) return process.env.HF_TOKEN;
  const caches = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  const path = process.env.HF_TOKEN_PATH ?? join(process.env.HF_HOME ?? join(caches, 'huggingface'), 'token');
  const isFile = statSync(path, { throwIfNoEntry: false })?.isFile();
  return (isFile && readFileSync(path, 'utf8').trim()) || undefined;
}

function isOn(variable: string | undefined): boolean {
  return ['1', 'true', 'yes', 'on'].includes(variable?.toLowerCase() ?? '');
}
