import { join } from 'node:path';
import type { Tokenizer } from '@huggingface/tokenizers';
import * as z from 'zod';
import { readLanguageConfig } from '../language/config.ts';
import { readJson } from '../language/json-file.ts';
import { modelPlace } from '../language/model-place.ts';
import { readProcessor } from '../media/processor.ts';
import { ModelError } from '../onnx/error.ts';
import { laterSite } from '../tracing/caller.ts';
import type { LanguageModelLoader, LanguageModel as LanguageModelOf, LoadOptions } from '../types/model.ts';
import type { Loose } from '../types/module.ts';
import { openedAt } from './at-caller.ts';
import { CheckedTokenizer } from './checked-tokenizer.ts';
import { DecoderInputs } from './decoder-inputs.ts';
import { MediaInputs } from './media-inputs.ts';
import { LANGUAGE_MODEL_MEMBERS } from './members.ts';
import { openModel } from './open-model.ts';
import { checkInputHooks, checkLoad } from './options.ts';
import { TextInputs } from './text-inputs.ts';
import { TextModel } from './text-model.ts';

/** Opens language models. */
export const LanguageModel: LanguageModelLoader = {
  async load<Tree = Loose>(
    pathOrHubId: string,
    options: LoadOptions = {},
    ...rest: readonly never[]
  ): Promise<LanguageModelOf<Tree>> {
    checkLoad('LanguageModel.load', pathOrHubId, options, rest);
    checkInputHooks(options.inputHooks);
    return openedAt(laterSite(), async () => {
      const place = await modelPlace(pathOrHubId, options);
      const tokenizer = readTokenizer(place.folder);
      const config = readLanguageConfig(place.folder);
      const processor = readProcessor(place.folder);
      const loaded = await openModel(place, options, LANGUAGE_MODEL_MEMBERS, (model, isEncoderDecoder) => {
        const texts = new TextInputs(model, tokenizer, config);
        const usual = processor ? new MediaInputs(model, texts, processor) : texts;
        return isEncoderDecoder ? new DecoderInputs(usual, config.decoderStartTokenId) : usual;
      });
      return new TextModel(loaded, options.inputHooks?.methods, tokenizer, config).whole as LanguageModelOf<Tree>;
    });
  },
};

/** The tokenizer in a folder. Throws a ModelError if there is none, or none that can be used. */
export function readTokenizer(folder: string): Tokenizer {
  const [tokenizer, config] = ['tokenizer.json', 'tokenizer_config.json'].map((name) => tokenizerFile(folder, name));
  try {
    return new CheckedTokenizer(tokenizer!, config!);
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
