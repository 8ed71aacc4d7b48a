import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import * as z from 'zod';
import { readLanguageConfig } from '../language/config.ts';
import { readJson } from '../language/json-file.ts';
import { modelPlace } from '../language/model-place.ts';
import { ModelError } from '../onnx/error.ts';
import { readModel } from '../onnx/read.ts';
import { ort } from '../ort/ort.ts';
import type { LanguageModelLoader, LanguageModel as LanguageModelOf, LoadOptions } from '../types/model.ts';
import type { Loose } from '../types/module.ts';
import { withHooks } from './input-maker.ts';
import { engineChoice, LoadedModel } from './loaded-model.ts';
import { ModelMap } from './locate.ts';
import { LANGUAGE_MODEL_MEMBERS } from './members.ts';
import { checkInputHooks, checkOptions, LOAD_OPTIONS } from './options.ts';
import { TextInputs } from './text-inputs.ts';
import { TextModel } from './text-model.ts';

/** Opens language models. */
export const LanguageModel: LanguageModelLoader = {
  async load<Tree = Loose>(pathOrHubId: string, options: LoadOptions = {}): Promise<LanguageModelOf<Tree>> {
    checkOptions('LanguageModel.load', options, LOAD_OPTIONS);
    checkInputHooks(options.inputHooks);
    const { rename, envoys, inputHooks } = options;
    const choice = engineChoice(options);
    const { folder, path } = await modelPlace(pathOrHubId, options);
    const model = await readModel(path);
    const tokenizer = readTokenizer(folder);
    const config = readLanguageConfig(folder);
    const methods = Object.keys(inputHooks?.methods ?? {});
    const map = new ModelMap(model, { members: LANGUAGE_MODEL_MEMBERS, rename, envoys, methods });
    const device = await ort.chooseDevice(options.device ?? 'auto');
    const inputs = withHooks(new TextInputs(model, tokenizer, config), inputHooks);
    const loaded = new LoadedModel(map, inputs, { ...choice, device });
    return new TextModel(loaded, inputHooks?.methods, tokenizer, config).whole as LanguageModelOf<Tree>;
  },
};

/** The tokenizer in a folder. Throws a ModelError if there is none, or none that can be used. */
export function readTokenizer(folder: string): Tokenizer {
  const [tokenizer, config] = ['tokenizer.json', 'tokenizer_config.json'].map((name) => tokenizerFile(folder, name));
  try {
    return new Tokenizer(tokenizer!, config!);
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    throw new ModelError(`${join(folder, 'tokenizer.json')} is no tokenizer that can be used here: ${reason}`, {
      cause: error,
    });
  }
}

function tokenizerFile(folder: string, name: string): object {
  const path = join(folder, name);
  const found = readJson(path, z.looseObject({}));
  if (!found) throw new ModelError(`${path} is missing: a language model needs its tokenizer`);
  return found;
}
