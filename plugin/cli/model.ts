import { existsSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { modelFolder } from '../../runtime/language/hub.ts';
import { modelPlace } from '../../runtime/language/model-place.ts';
import type { ModelPaths } from '../../runtime/onnx/read-parts.ts';
import { UsageError } from './usage-error.ts';

/** Which file of a folder or repository is meant. */
export interface ModelOptions {
  readonly file?: string;
  readonly revision?: string;
}

/** The folder of a tokenizer: a folder, a model of the hub, or where the model's own file is. */
export async function tokenizerFolder(tokenizer: string | true, model: string): Promise<string> {
  if (tokenizer === true) {
    const folder = dirname(resolve(model));
    // as on the hub: the tokenizer stands above a folder of the model's forms
    const beside = basename(folder) === 'onnx' ? [folder, dirname(folder)] : [folder];
    const found = beside.find((one) => existsSync(join(one, 'tokenizer.json')));
    if (found !== undefined) return found;
    throw new UsageError(`There is no tokenizer.json beside ${model}. Name its folder: --tokenizer folder.`);
  }
  if (/\.[cm]?[jt]sx?$/.test(tokenizer)) {
    throw new UsageError(
      `--tokenizer takes the word behind it for a folder, and ${tokenizer} is none. For the model's own tokenizer write --tokenizer last.`,
    );
  }
  return modelFolder(tokenizer);
}

/** The files that a command's argument means: an .onnx file, or those of a model in a folder or a repository of the hub. */
export async function modelFiles(model: string, { file, revision }: ModelOptions): Promise<ModelPaths> {
  if (extname(model) === '.onnx' || statSync(model, { throwIfNoEntry: false })?.isFile()) {
    if (file !== undefined) throw new UsageError(`${model} is a file already: leave out --file, or name its folder.`);
    return { path: model, beside: null };
  }
  return modelPlace(model, { ...(file && { file }), ...(revision && { revision }) });
}
