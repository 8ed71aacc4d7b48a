import { basename, dirname, join, relative, sep } from 'node:path';
import { ModelError } from '../onnx/error.ts';
import { statFile } from '../onnx/stat-file.ts';
import { type EncoderFiles, encoderFilesOf } from './encoder-files.ts';
import { readGenaiConfig } from './genai-config.ts';
import { type HubOptions, modelFolder, notThere } from './hub.ts';
import { chooseModelFile, filesUnder } from './model-files.ts';

/** Where the files of a model are on this machine. */
export interface ModelPlace {
  /** The folder of its tokenizer and configuration. */
  readonly folder: string;
  /** Its .onnx file; of an encoder-decoder that of the decoder. */
  readonly path: string;
  /** What belongs to a decoder that has an encoder; null for any other model, and for a file that was named itself. */
  readonly beside: EncoderFiles | null;
}

/**
 * Finds the files of a model: an .onnx file, one in a folder, or a model of the hub, which is fetched where it is not in the
 * cache. Throws a `ModelError` as `modelFolder` does, and where none or several .onnx files fit the options.
 */
export async function modelPlace(pathOrHubId: string, options: HubOptions = {}): Promise<ModelPlace> {
  if (isFile(pathOrHubId)) return placeOfFile(pathOrHubId, options);
  const root = await modelFolder(pathOrHubId, options);
  const { subfolder = '' } = options;
  // Folders of onnxruntime-genai hold a model each, whole; elsewhere a subfolder has the graphs alone.
  const isWhole = subfolder === '' || hasCompanions(join(root, subfolder));
  const folder = isWhole ? join(root, subfolder) : root;
  const paths = filesUnder(root);
  const isFree = isWhole && options.file === undefined && options.dtype === undefined;
  const file = (isFree ? genaiFile(folder, root, paths) : null) ?? chooseModelFile(paths, root, options);
  const beside = encoderFilesOf(file, paths);
  const within = (path: string | null) => path && join(root, path);
  return {
    folder,
    path: join(root, file),
    beside: beside && { encoder: join(root, beside.encoder), withPast: within(beside.withPast) },
  };
}

/**
 * The file that `genai_config.json` in a folder names, relative to `root`; null where it names none, and where a file of that
 * name stands among the usual ones alone.
 */
function genaiFile(folder: string, root: string, paths: readonly string[]): string | null {
  const name = readGenaiConfig(folder)?.model.decoder?.filename;
  if (!name) return null;
  const path = relative(root, join(folder, name)).split(sep).join('/');
  if (paths.includes(path)) return path;
  if (paths.some((one) => basename(one) === basename(name))) return null;
  throw new ModelError(
    `${join(folder, 'genai_config.json')} names the file ${name}, which is not there: mend it, or choose a file with the option file`,
  );
}

/** What is named like a file is none of the hub's models where it is not there, either. */
function isFile(path: string): boolean {
  return statFile(path)?.isDirectory() === false || isMissingFile(path);
}

function isMissingFile(path: string): boolean {
  return path.endsWith('.onnx') && statFile(path) === undefined;
}

function placeOfFile(path: string, options: HubOptions): ModelPlace {
  if (isMissingFile(path)) throw notThere(path);
  const wrong = (['file', 'dtype', 'subfolder', 'revision'] as const).find((name) => options[name] !== undefined);
  if (wrong !== undefined) throw new ModelError(`${path} is a file: leave out the option ${wrong}, or name the folder`);
  const beside = dirname(path);
  // As published models have it: the tokenizer stands above the folder of the graphs.
  const isBelow = basename(beside) === 'onnx' && !hasCompanions(beside);
  return { folder: isBelow ? dirname(beside) : beside, path, beside: null };
}

function hasCompanions(folder: string): boolean {
  return ['tokenizer.json', 'genai_config.json', 'preprocessor_config.json'].some((name) =>
    statFile(join(folder, name)),
  );
}
