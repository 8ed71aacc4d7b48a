import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { TraceError } from '../errors.ts';
import { chooseDevice, type Device } from '../execution/devices.ts';
import type { Inputs } from '../execution/inputs.ts';
import { ModelError } from '../model/error.ts';
import { readModel } from '../model/read.ts';
import { Tensor } from '../tensor/tensor.ts';
import { callerSite } from '../tracing/caller.ts';
import { type Block, checkCompiled } from './blocks.ts';
import { generate } from './generate.ts';
import { ModelMap } from './locate.ts';
import { type LoadOptions, Model } from './model.ts';
import { probeModel } from './probe.ts';
import type { StepTracer } from './step-tracer.ts';

/** Where the files of a published model stand, the usual places first. */
const MODEL_FILES = ['model.onnx', 'onnx/model.onnx', 'decoder_model_merged.onnx', 'decoder_model.onnx'];

/** A language model: texts can stand where inputs are asked for, and it generates. */
export class LanguageModelCore extends Model {
  readonly tokenizer: Tokenizer;

  constructor(map: ModelMap, device: Device, options: LoadOptions, tokenizer: Tokenizer) {
    super(map, device, options);
    this.tokenizer = tokenizer;
  }

  protected override toInputs(inputs: unknown): Inputs {
    const rows = typeof inputs === 'string' ? [inputs] : inputs;
    if (!Array.isArray(rows) || typeof rows[0] !== 'string') return super.toInputs(inputs);
    const ids = rows.map((text: string) => {
      const { ids } = this.tokenizer.encode(text);
      if (ids.length === 0) throw new TraceError('The prompt is empty: it has no tokens.', callerSite());
      return ids;
    });
    return this.pad(ids);
  }

  protected override joinInputs(list: readonly Inputs[]): Inputs {
    const isText = list.every((inputs) =>
      Object.keys(inputs).every((name) => ['input_ids', 'attention_mask'].includes(name)),
    );
    if (!isText) return super.joinInputs(list);
    return this.pad(list.flatMap((inputs) => unpadded(inputs)));
  }

  private pad(rows: readonly (readonly number[])[]): Inputs {
    const length = Math.max(...rows.map((row) => row.length));
    const padded = (row: readonly number[], value: (id: number) => number) => [
      ...Array.from({ length: length - row.length }, () => 0),
      ...row.map(value),
    ];
    return {
      input_ids: rows.map((row) => padded(row, (id) => id)),
      attention_mask: rows.map((row) => padded(row, () => 1)),
    };
  }

  /** Generates tokens one by one. */
  async generate(
    inputs: unknown,
    options: { maxNewTokens?: number; useCache?: boolean } = {},
    block?: Block<[StepTracer]>,
  ): Promise<unknown> {
    const site = callerSite();
    if (block) checkCompiled(block);
    await this.prepareFormulas();
    const given = inputs === null ? null : this.prepare(inputs);
    return generate(
      this,
      given,
      block ?? null,
      {
        count: options.maxNewTokens ?? 20,
        useCache: options.useCache ?? true,
        sample: argmax,
        stop: new Set(),
        pad: 0,
      },
      site,
    );
  }
}

function unpadded(inputs: Inputs): number[][] {
  const ids = Tensor.from(inputs.input_ids as number[][]).toArray() as number[][];
  const mask =
    inputs.attention_mask === undefined
      ? null
      : (Tensor.from(inputs.attention_mask as number[][]).toArray() as number[][]);
  return ids.map((row, i) => row.map(Number).filter((_, j) => mask === null || Number(mask[i]![j]) !== 0));
}

function argmax(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i;
  return best;
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
