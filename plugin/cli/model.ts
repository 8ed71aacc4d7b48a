import { existsSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { modelFolder } from '../../runtime/language/hub.ts';
import { modelPlace } from '../../runtime/language/model-place.ts';
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

/** The .onnx file that a command's argument means: that file, or one in a folder or a repository of the hub. */
export async function modelFile(model: string, { file, revision }: ModelOptions): Promise<string> {
  if (extname(model) === '.onnx' || statSync(model, { throwIfNoEntry: false })?.isFile()) {
    if (file !== undefined) throw new UsageError(`${model} is a file already: leave out --file, or name its folder.`);
    return model;
  }
  const place = await modelPlace(model, { ...(file && { file }), ...(revision && { revision }) });
  return place.path;
}
