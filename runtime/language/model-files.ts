import { readdirSync } from 'node:fs';
import { join, posix, sep } from 'node:path';
import { guess, nearest } from '../nearest.ts';
import { ModelError } from '../onnx/error.ts';
import { statFile } from '../onnx/stat-file.ts';
import { encoderFilesOf } from './encoder-files.ts';

/** The graphs of published models, the usual ones first. */
const GRAPHS = ['model', 'decoder_model_merged', 'decoder_model'];
/** The folders that they stand in. */
const FOLDERS = ['onnx/', ''];

/** The endings of files by how their weights are stored, as transformers.js names these forms. */
const ENDINGS = {
  fp32: '',
  fp16: '_fp16',
  q8: '_quantized',
  int8: '_int8',
  uint8: '_uint8',
  q4: '_q4',
  q4f16: '_q4f16',
  bnb4: '_bnb4',
} as const;

/** How the weights in a file are stored. */
export type WeightForm = keyof typeof ENDINGS;
export const WEIGHT_FORMS = Object.keys(ENDINGS) as readonly WeightForm[];

/** Which .onnx file of a folder or repository is opened. */
export interface FileChoice {
  /** The .onnx file, relative to the folder or repository, such as `onnx/model_fp16.onnx`. */
  readonly file?: string;
  /** How the weights are stored, as transformers.js has it: `q4` opens `onnx/model_q4.onnx`. */
  readonly dtype?: WeightForm;
  /** The folder in it that the .onnx file is in; `onnx`, or the folder itself, if not given. */
  readonly subfolder?: string;
}

/** The files that are read beside a model's graph. */
const COMPANIONS =
  /^(config\.json|generation_config\.json|genai_config\.json|preprocessor_config\.json|tokenizer[\w.-]*\.json|special_tokens_map\.json|chat_template\.(jinja|json))$/;

/** The endings of external data after the name of its .onnx file: `_data`, `_data_1`, `.data`. */
const EXTERNAL_DATA = /^(_data(_\d+)?|\.data)$/;

/**
 * The files under a folder, relative to it and with slashes; links count as what they point at.
 * Throws a `ModelError` for a folder that may not be read, or that changes meanwhile.
 */
export function filesUnder(folder: string): string[] {
  const paths = listed(folder);
  const isFile = (path: string) => statFile(join(folder, path))?.isFile();
  return paths.filter(isFile).map((path) => path.split(sep).join('/'));
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ModelError(
      `the files in ${folder} could not be listed (${code}): name the folder of the model, or its .onnx file`,
      { cause: error },
    );
  }
}

/**
 * The .onnx file to open out of the files of a model, with slashes and relative to its folder: `file` where it is
 * given, else the first of the usual ones of that form and subfolder, else the only one there is. Null if there is none.
 */
export function findModelFile(paths: readonly string[], { file, dtype, subfolder }: FileChoice = {}): string | null {
  if (file !== undefined) return paths.find((path) => path === posix.join('.', file)) ?? null;
  const folders = subfolder === undefined ? FOLDERS : [within(subfolder)];
  const usual = GRAPHS.flatMap((graph) => folders.map((folder) => `${folder}${graph}${ENDINGS[dtype ?? 'fp32']}.onnx`));
  const graphs = graphsOf(paths).filter((path) => subfolder === undefined || folderOf(path) === within(subfolder));
  const only = dtype === undefined && graphs.length === 1 ? graphs[0]! : null;
  return usual.find((path) => graphs.includes(path)) ?? only;
}

/** The same, or a `ModelError` that begins with `where` and says which .onnx files there are. */
export function chooseModelFile(paths: readonly string[], where: string, choice: FileChoice = {}): string {
  checkChoice(choice);
  const found = findModelFile(paths, choice);
  if (found !== null) return found;
  const graphs = graphsOf(paths);
  if (graphs.length === 0) throw new ModelError(`${where} has no .onnx file: export the model to ONNX first`);
  throw new ModelError(`${where} has ${missing(choice)}: choose one with the option file out of ${graphs.join(', ')}`);
}

function missing({ file, dtype, subfolder }: FileChoice): string {
  if (file !== undefined) return `no file ${file}`;
  const place = subfolder ? ` in ${subfolder}` : '';
  if (dtype !== undefined) return `no ${GRAPHS.map((graph) => `${graph}${ENDINGS[dtype]}.onnx`).join(' or ')}${place}`;
  return `none of ${GRAPHS.map((graph) => `${graph}.onnx`).join(', ')}${place}, and not one .onnx file alone`;
}

/** Refuses what does not name one file. */
function checkChoice({ file, dtype, subfolder }: FileChoice): void {
  if (dtype !== undefined && !WEIGHT_FORMS.includes(dtype)) {
    const known = WEIGHT_FORMS.join(', ');
    throw new ModelError(
      `there is no dtype ${JSON.stringify(dtype)}: it is one of ${known}${guess(nearest(String(dtype), WEIGHT_FORMS))}`,
    );
  }
  const other = dtype === undefined ? subfolder && 'subfolder' : 'dtype';
  if (file !== undefined && other) {
    throw new ModelError(`the option file names the file ${file}: leave out ${other}`);
  }
}

/** A folder with the slash behind it; nothing for the folder itself. */
function within(subfolder: string): string {
  const path = posix.join('.', subfolder).replace(/\/$/, '');
  return path === '.' ? '' : `${path}/`;
}

/** The folder of a file, likewise. */
const folderOf = (path: string) => path.slice(0, path.lastIndexOf('/') + 1);

/**
 * The files that a model with the graph `model` needs, those beside it in its subfolder too, and of a decoder those of its
 * encoder. The graph comes last: where they are fetched in this order, all the others are there once the graph is.
 */
export function neededFiles(paths: readonly string[], model: string, subfolder = ''): string[] {
  const { encoder = null, withPast = null } = encoderFilesOf(model, paths) ?? {};
  const others = [encoder, withPast].filter((path) => path !== null);
  const isExternal = (path: string, graph: string) =>
    path.startsWith(graph) && EXTERNAL_DATA.test(path.slice(graph.length));
  const external = (path: string) => [...others, model].some((graph) => isExternal(path, graph));
  const beside = within(subfolder);
  const isCompanion = (path: string) =>
    COMPANIONS.test(path) || (path.startsWith(beside) && COMPANIONS.test(path.slice(beside.length)));
  return [...paths.filter((path) => isCompanion(path) || external(path)), ...others, model];
}

function graphsOf(paths: readonly string[]): string[] {
  return paths.filter((path) => path.endsWith('.onnx')).sort();
}
