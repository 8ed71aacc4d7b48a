import { readdirSync } from 'node:fs';
import { join, sep } from 'node:path';
import { ModelError } from '../onnx/error.ts';
import { statFile } from '../onnx/stat-file.ts';

/** Where the graph of a published language model stands, the usual places first. */
const USUAL = [
  'onnx/model.onnx',
  'model.onnx',
  'onnx/decoder_model_merged.onnx',
  'decoder_model_merged.onnx',
  'onnx/decoder_model.onnx',
  'decoder_model.onnx',
];

/** The files that a language model reads beside its graph. */
const COMPANIONS =
  /^(config\.json|generation_config\.json|tokenizer[\w.-]*\.json|special_tokens_map\.json|chat_template\.(jinja|json))$/;

/** The endings of external data after the name of its .onnx file: `_data`, `_data_1`, `.data`. */
const EXTERNAL_DATA = /^(_data(_\d+)?|\.data)$/;

/** The files under a folder, relative to it and with slashes; links count as what they point at. */
export function filesUnder(folder: string): string[] {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const isFile = (path: string) => statFile(join(folder, path))?.isFile();
  return paths.filter(isFile).map((path) => path.split(sep).join('/'));
}

/**
 * The .onnx file to open out of the files of a model, with slashes and relative to its folder: `file` where it is
 * given, else the first of the usual ones, else the only one there is. Null if there is none.
 */
export function findModelFile(paths: readonly string[], file?: string): string | null {
  if (file !== undefined) return paths.includes(file) ? file : null;
  const graphs = graphsOf(paths);
  return USUAL.find((path) => graphs.includes(path)) ?? (graphs.length === 1 ? graphs[0]! : null);
}

/** The same, or a `ModelError` that begins with `where` and says which .onnx files there are. */
export function chooseModelFile(paths: readonly string[], where: string, file?: string): string {
  const found = findModelFile(paths, file);
  if (found !== null) return found;
  const graphs = graphsOf(paths);
  if (graphs.length === 0) throw new ModelError(`${where} has no .onnx file: export the model to ONNX first`);
  const wanted = file === undefined ? `none of ${USUAL.join(', ')}` : `no file ${file}`;
  throw new ModelError(`${where} has ${wanted}: choose one with the option file out of ${graphs.join(', ')}`);
}

/**
 * The files that a language model with the graph `model` needs. The graph comes last: where they are fetched in
 * this order, all the others are there once the graph is.
 */
export function neededFiles(paths: readonly string[], model: string): string[] {
  const external = (path: string) => path.startsWith(model) && EXTERNAL_DATA.test(path.slice(model.length));
  return [...paths.filter((path) => COMPANIONS.test(path) || external(path)), model];
}

function graphsOf(paths: readonly string[]): string[] {
  return paths.filter((path) => path.endsWith('.onnx')).sort();
}
