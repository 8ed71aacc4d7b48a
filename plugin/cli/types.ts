import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, dirname, extname, resolve } from 'node:path';
import { isMember } from '../../runtime/api/members.ts';
import { declareModules, HEADER, TAKEN_NAMES } from '../../runtime/modules/declarations.ts';
import { typeName } from '../../runtime/modules/kind-names.ts';
import { readParts } from '../../runtime/onnx/read-parts.ts';
import { writeWhole } from '../../runtime/onnx/replace-file.ts';
import { type ModelOptions, modelFiles } from './model.ts';
import { styled } from './text.ts';
import { UsageError } from './usage-error.ts';

export interface TypesOptions extends ModelOptions {
  readonly out: string;
  readonly name?: string;
  readonly check?: boolean;
}

/** Writes the module tree of a model as types, or checks the file. False if it is out of date. */
export async function writeTypes(model: string, options: TypesOptions): Promise<boolean> {
  const { out, check = false } = options;
  const name = checkName(options.name ?? typeName(nameOf(model)));
  checkTarget(out);
  const read = await readParts(await modelFiles(model, options));
  const text = declareModules(read.model, { name, isMember });
  const isCurrent = existsSync(out) && readFileSync(out, 'utf8') === text;
  if (check) {
    console.log(
      `${out}  ${isCurrent ? styled('green', 'current') : styled('red', `not current: ${remedy(model, out)}`)}`,
    );
    return isCurrent;
  }
  if (!isCurrent) {
    mkdirSync(dirname(resolve(out)), { recursive: true });
    writeWhole(out, text);
  }
  console.log(`${out}  ${styled('green', isCurrent ? 'current' : 'written')}: the type ${name}`);
  return true;
}

function remedy(model: string, out: string): string {
  return `${existsSync(out) ? 'the model or the command has changed' : 'there is no such file'}. Run: onnsight types ${model} --out ${out}`;
}

/** `models/toy-gpt2/model.onnx` is called toy-gpt2: a name such as model.onnx says nothing. */
function nameOf(model: string): string {
  const name = basename(resolve(model), '.onnx');
  const isUsual = extname(model) === '.onnx' && /^(decoder_)?model/.test(name);
  const folder = dirname(resolve(model));
  return isUsual ? basename(basename(folder) === 'onnx' ? dirname(folder) : folder) : name;
}

function checkName(name: string): string {
  if (/^[\p{Lu}_$][\p{ID_Continue}$]*$/u.test(name) && !TAKEN_NAMES.includes(name)) return name;
  const taken = TAKEN_NAMES.includes(name);
  throw new UsageError(
    `The type cannot be called '${name}': ${taken ? 'the file uses another type of that name' : 'a type begins with a capital letter and has letters and digits only'}. Write --name GPT2, for example.`,
  );
}

/** Only files that this command has written before are overwritten. */
function checkTarget(out: string): void {
  if (!/\.[cm]?ts$/.test(out))
    throw new UsageError(`${out} is not a TypeScript file. Write --out model.d.ts, for example.`);
  if (existsSync(out) && !readFileSync(out, 'utf8').startsWith(HEADER)) {
    throw new UsageError(`${out} was not written by this command and stays as it is. Name another file with --out.`);
  }
}
