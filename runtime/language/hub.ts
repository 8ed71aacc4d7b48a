import { ModelError } from '../onnx/error.ts';
import { statFile } from '../onnx/stat-file.ts';
import type { HubOptions } from './hub-folder.ts';
import { packagedModel } from './packaged-models.ts';

export type { HubOptions };

const HUB_ID = /^\w[\w.-]*\/\w[\w.-]*$/;

/**
 * The folder of a model: an existing folder is itself; `onnsight/toy-gpt2` comes with this package; `owner/name` is fetched from the Hugging Face hub into the cache
 * that all its libraries share (`HF_HOME`, `HF_HUB_CACHE`, else `~/.cache/huggingface/hub`), as far as a language model
 * needs it, and is taken from there when the hub cannot be reached.
 * Throws a `ModelError` for any other name, a model that is unknown, private or gated, one without the .onnx file, and
 * if the network may not be used.
 */
export async function modelFolder(pathOrHubId: string, options: HubOptions = {}): Promise<string> {
  const stat = statFile(pathOrHubId);
  const { revision } = options;
  if (stat?.isDirectory() && revision !== undefined) {
    throw new ModelError(
      `${pathOrHubId} is a folder, which has no revisions: leave out revision ${JSON.stringify(revision)}`,
    );
  }
  if (stat?.isDirectory()) return pathOrHubId;
  if (stat) throw new ModelError(`${pathOrHubId} is a file: give its folder`);
  const packaged = packagedModel(pathOrHubId);
  if (packaged !== null) return packaged;
  if (!HUB_ID.test(pathOrHubId)) throw notThere(pathOrHubId);
  // The hub's client takes a tenth of a second to load: only those who need it wait.
  const { hubFolder } = await import('./hub-folder.ts');
  return hubFolder(pathOrHubId, options);
}

/** The error for what is neither a file or folder nor the name of a model on the hub. */
export function notThere(path: string): ModelError {
  if (path.startsWith('file:')) return new ModelError(`${path} is a URL: fileURLToPath(url) makes a path of it`);
  if (path === '') return new ModelError('the path of the model is empty');
  const kind = path.endsWith('.onnx') ? 'file' : 'file or folder';
  return new ModelError(`no such ${kind}: ${path} (a model on the hub is named owner/name)`);
}
