import { existsSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { isMember } from '../runtime/api/members.ts';
import { modelPlace } from '../runtime/language/model-place.ts';
import { declareModules } from '../runtime/modules/declarations.ts';
import { typeName } from '../runtime/modules/kind-names.ts';
import type { Module } from '../runtime/modules/module.ts';
import { buildTree } from '../runtime/modules/tree.ts';
import { readParts } from '../runtime/onnx/read-parts.ts';
import { UsageError } from './usage-error.ts';

/** A model that a server has, as its users see it. */
export interface ServedModel {
  readonly name: string;
  /** Where it is opened: an .onnx file, or the folder of a language model. */
  readonly path: string;
  readonly isLanguage: boolean;
  /** Of its graph and weights: requests name it. */
  readonly hash: string;
  /** Whether it may give other results when it runs again on the same. */
  readonly isRandom: boolean;
  readonly inputs: readonly DescribedTensor[];
  readonly outputs: readonly DescribedTensor[];
  readonly modules: DescribedModule;
  /** Its modules as the declarations that `npx onnsight types` writes. */
  readonly types: string;
}

interface DescribedTensor {
  readonly name: string;
  readonly dtype: string | null;
  /** A size, the name of one that is free, or null. */
  readonly dims: readonly (number | string | null)[] | null;
}

interface DescribedModule {
  readonly name: string;
  readonly class: string | null;
  readonly modules?: readonly DescribedModule[];
}

/** The names under which models are served: `name=path`, else the name of the folder or file. Throws a UsageError for two of one name. */
export function namedModels(models: readonly string[]): ReadonlyMap<string, string> {
  const named = new Map<string, string>();
  for (const given of models) {
    const [, name, path] = /^([\w.-]+)=(.+)$/.exec(given) ?? ['', nameOf(given), given];
    if (named.has(name!)) throw new UsageError(`Two models are called '${name}'. Name one of them: other=${path}`);
    named.set(name!, path!);
  }
  return named;
}

/** Reads what users see of a model: its graph, not its weights, except for their hash. */
export async function servedModel(name: string, given: string): Promise<ServedModel> {
  const isFile = extname(given) === '.onnx' || statSync(given, { throwIfNoEntry: false })?.isFile() === true;
  const place = await modelPlace(given);
  const { folder, path: file, beside } = place;
  const isLanguage = !isFile && existsSync(join(folder, 'tokenizer.json'));
  const { model } = await readParts(place);
  const described = ({ name: own, dtype, dims }: DescribedTensor) => ({ name: own, dtype, dims });
  return {
    name,
    // An encoder-decoder is opened by its folder, too: a file that is named is opened alone.
    path: isLanguage || beside ? folder : file,
    isLanguage,
    hash: model.hash,
    isRandom: model.isRandom,
    inputs: model.inputs.map(described),
    outputs: model.outputs.map(described),
    modules: describedModule(buildTree(model.plain)),
    types: declareModules(model, { name: typeName(name), isMember }),
  };
}

function describedModule({ name, className, children }: Module): DescribedModule {
  const modules = [...children.values()].map(describedModule);
  return { name, class: className, ...(modules.length > 0 && { modules }) };
}

/** `models/toy-gpt2/model.onnx` is called toy-gpt2: a name such as model.onnx says nothing. */
function nameOf(path: string): string {
  const name = basename(resolve(path), '.onnx');
  const isUsual = extname(path) === '.onnx' && /^(decoder_)?model/.test(name);
  return isUsual ? basename(dirname(resolve(path))) : name;
}
