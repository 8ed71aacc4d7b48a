import { statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { modelFolder } from '../../runtime/language/hub.ts';
import { chooseModelFile, filesUnder } from '../../runtime/language/model-files.ts';
import { UsageError } from './usage-error.ts';

/** Which file of a folder or repository is meant. */
export interface ModelOptions {
  readonly file?: string;
  readonly revision?: string;
}

/** The .onnx file that a command's argument means: that file, or one in a folder or a repository of the hub. */
export async function modelFile(model: string, { file, revision }: ModelOptions): Promise<string> {
  if (extname(model) === '.onnx' || statSync(model, { throwIfNoEntry: false })?.isFile()) {
    if (file !== undefined) throw new UsageError(`${model} is a file already: leave out --file, or name its folder.`);
    return model;
  }
  const folder = await modelFolder(model, { ...(file && { file }), ...(revision && { revision }) });
  return join(folder, chooseModelFile(filesUnder(folder), folder, file));
}
