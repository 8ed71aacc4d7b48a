import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { TraceError } from '../errors.ts';
import { chooseDevice, type Device } from '../execution/devices.ts';
import type { Inputs } from '../execution/inputs.ts';
import { ModelError } from '../model/error.ts';
import { readModel } from '../model/read.ts';
import { callerSite } from '../tracing/caller.ts';
import { ModelMap } from './locate.ts';
import { type LoadOptions, Model } from './model.ts';
import { probeModel } from './probe.ts';

/** Where the files of a published model stand, the usual places first. */
const MODEL_FILES = ['model.onnx', 'onnx/model.onnx', 'decoder_model_merged.onnx', 'decoder_model.onnx'];

/** A language model: texts can stand where inputs are asked for. */
export class LanguageModelCore extends Model {
  readonly tokenizer: Tokenizer;

  constructor(map: ModelMap, device: Device, options: LoadOptions, tokenizer: Tokenizer) {
    super(map, device, options);
    this.tokenizer = tokenizer;
  }

  protected override toInputs(inputs: unknown): Inputs {
    if (typeof inputs !== 'string') return super.toInputs(inputs);
    const { ids } = this.tokenizer.encode(inputs);
    if (ids.length === 0) throw new TraceError('The prompt is empty: it has no tokens.', callerSite());
    return { input_ids: [ids] };
  }
}

/** Opens language models. */
export const LanguageModel = {
  /**
   * Opens a folder with an .onnx file, `tokenizer.json` and `tokenizer_config.json`, as published models have them.
   * Throws a `ModelError` that names the file that is missing.
   */
  async load(folder: string, options: LoadOptions = {}): Promise<unknown> {
    const exists = (file: string) => statSync(join(folder, file), { throwIfNoEntry: false })?.isFile();
    if (!statSync(folder, { throwIfNoEntry: false })) throw new ModelError(`no such folder: ${folder}`);
    const file = MODEL_FILES.find(exists);
    if (!file) throw new ModelError(`${folder} has no model: one of ${MODEL_FILES.join(', ')} was expected`);
    const map = new ModelMap(await readModel(join(folder, file)));
    const tokenizer = new Tokenizer(json(folder, 'tokenizer.json'), json(folder, 'tokenizer_config.json'));
    const device = await chooseDevice(options.device ?? 'auto', probeModel());
    return new LanguageModelCore(map, device, options, tokenizer).asModule();
  },
};

function json(folder: string, file: string): object {
  const path = join(folder, file);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ModelError(`${path} is missing: a language model needs its tokenizer`, { cause: error });
  }
  try {
    return JSON.parse(text) as object;
  } catch (error) {
    throw new ModelError(`${path} is damaged: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}
