import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { LanguageModel, NNsight, save, type Tensor } from 'onnsight';
import { StandardizedTransformer } from 'onnsight/analysis';
import { type Entry, Published, tensorsOf } from '../reference.ts';
import { decodeByHand } from './by-hand.ts';
import { Judge } from './judge.ts';

type Calls = readonly (Entry | null)[];

/** So many of so many, and what is not right: where, and in which words it is refused, or that it is wrong. */
export interface Count {
  readonly right: number;
  readonly all: number;
  readonly refused: readonly (readonly [where: string, message: string])[];
  readonly wrong: readonly string[];
}

/** What became of one file. */
export type Cell =
  | { readonly refused: string }
  | {
      readonly reads: Count;
      readonly writes: Count;
      readonly patterns: Count;
      readonly weights: Count;
      readonly generates: boolean | string | null;
    };

/** Reads every module of a file, halves outputs of some, and generates, each against PyTorch. */
export async function cellOf(folder: string, kind: string): Promise<Cell> {
  const path = [`${folder}/${kind}/model.onnx`, `${folder}/${kind}.onnx`].find(existsSync) ?? `${folder}/${kind}`;
  const published = new Published(path, `${folder}/ref`);
  const { inputs, reference } = published;
  const judge = new Judge(published, kind);
  const named = kind.startsWith('genai') ? builderName : (one: string) => one;
  try {
    const model = await NNsight.load(path, { device: 'cpu' });
    // Builders of onnxruntime-genai and exports with caches have their own first output.
    const output = await model.trace(inputs, () => save(model.output));
    const reads = new Counting();
    const modules = Object.entries(reference.modules).filter(([, calls]) => calls.some((call) => call !== null));
    const isRight = (got: readonly Tensor[], calls: Calls) =>
      got.length === calls.length && got.every((each, i) => judge.isOutput(each, calls[i]!));
    const together = await readTogether(
      model,
      inputs,
      modules.map(([module]) => named(module)),
    );
    for (const [module, calls] of modules) {
      await reads.count(module, async () => {
        if (isRight(together[named(module)] ?? [], calls)) return true;
        const got = await model.trace(inputs, () => {
          const envoy = model.get(named(module));
          const found = [];
          for (const call of envoy.calls) found.push(save(call.output));
          // One that is in no file as a value of its own says why.
          return found.length > 0 ? found : [save(envoy.output)];
        });
        const [one, call] = [got[0] as Tensor | undefined, calls[0]!];
        if (
          got.length === calls.length &&
          one &&
          isReshaped(one, call) &&
          judge.isOutput(one.view(...call.dims), call)
        ) {
          throw new Error(`'${module}' has the shape [${one.dims}] in the file, and [${call.dims}] in PyTorch`);
        }
        if (
          0 < got.length &&
          got.length < calls.length &&
          isRight(got as unknown as Tensor[], calls.slice(0, got.length))
        ) {
          throw new Error(
            `of the ${calls.length} calls of '${module}' this file has ${got.length}: what the others give is not used, or the same in each run`,
          );
        }
        return isRight(got as unknown as Tensor[], calls);
      });
    }
    const writes = new Counting();
    for (const { path: module, output: expected } of reference.writes) {
      await writes.count(module, async () => {
        const got = await model.trace(inputs, () => {
          model.get(named(module)).output *= 0.5;
          return save(model.output);
        });
        return judge.isEffect(got, output, expected);
      });
    }
    const patterns = new Counting();
    for (const [layer, expected] of (reference.attentions ?? []).entries()) {
      await patterns.count(`attention ${layer}`, async () => {
        const { attentionProbabilities } = new StandardizedTransformer(model);
        return judge.isSame(await model.trace(inputs, () => save(attentionProbabilities[layer])), expected);
      });
    }
    const weights = new Counting();
    for (const [parameter, expected] of Object.entries(reference.parameters ?? {})) {
      const [, module, name] = /^(?:(.+)\.)?(.+)$/.exec(parameter)!;
      const path = module ? `${named(module)}.${name}` : name!;
      await weights.count(parameter, async () => judge.isSame(model.get(path) as unknown as Tensor, expected));
    }
    return {
      reads: reads.counted,
      writes: writes.counted,
      patterns: patterns.counted,
      weights: weights.counted,
      generates: await generates(path, published, judge),
    };
  } catch (error) {
    return { refused: messageOf(error) };
  }
}

/** So many modules are read in one trace. */
const AT_ONCE = 12;

/**
 * The outputs of modules' calls, several in one trace: what cannot be read there, or is not right, has a trace of its own,
 * which says why.
 */
async function readTogether(
  model: NNsight,
  inputs: Readonly<Record<string, Tensor>>,
  paths: readonly string[],
): Promise<Readonly<Record<string, Tensor[]>>> {
  const found: Record<string, Tensor[]> = {};
  for (let at = 0; at < paths.length; at += AT_ONCE) {
    const some = paths.slice(at, at + AT_ONCE).filter((path) => has(model, path));
    const read = model.trace(inputs, () => {
      const outputs: Record<string, Tensor[]> = {};
      for (const path of some)
        outputs[path] = model.get(path).calls.map((call) => save(call.output) as unknown as Tensor);
      return outputs;
    });
    Object.assign(found, await read.catch(() => ({})));
  }
  return found;
}

function has(model: NNsight, path: string): boolean {
  try {
    return model.get(path).calls.length > 0;
  } catch {
    return false;
  }
}

/** Whether greedy decoding gives transformers' tokens, or those that a loop by hand takes from rounded weights; null for what is no language model, words for what is refused. */
async function generates(
  path: string,
  { reference: { generation, encoderDecoder } }: Published,
  judge: Judge,
): Promise<boolean | string | null> {
  if (encoderDecoder) return generatesFrom(path, tensorsOf(encoderDecoder));
  if (!generation) return null;
  try {
    const lm = await LanguageModel.load(path.endsWith('/model.onnx') ? dirname(path) : path, { device: 'cpu' });
    const { prompt, tokens } = generation;
    const options = { maxNewTokens: tokens.length, doSample: false, stopTokens: [] };
    const cached = await lm.generate([...prompt], options);
    const plain = await lm.generate([...prompt], { ...options, useCache: false });
    if (judge.isExact) return [cached, plain].every((one) => one.tokens[0]!.join() === tokens.join());
    const { head_dim, hidden_size, num_attention_heads } = JSON.parse(
      readFileSync(`${dirname(path)}/config.json`, 'utf8'),
    );
    const headSize = head_dim ?? hidden_size / num_attention_heads;
    const byHand = (useCache: boolean) => decodeByHand(path, prompt, tokens.length, { useCache, headSize });
    return (
      cached.tokens[0]!.join() === (await byHand(true)).join() &&
      plain.tokens[0]!.join() === (await byHand(false)).join()
    );
  } catch (error) {
    return messageOf(error);
  }
}

/** The same of an encoder-decoder, with a cache where it has one and without: its tokens are those of plain ONNX Runtime. */
async function generatesFrom(path: string, inputs: Readonly<Record<string, Tensor>>): Promise<boolean | string> {
  try {
    const lm = await LanguageModel.load(path, { device: 'cpu' });
    const tokens: number[] = JSON.parse(readFileSync(`${path}/tokens.json`, 'utf8'));
    const options = { maxNewTokens: tokens.length, doSample: false, stopTokens: [] };
    const made = [await lm.generate(inputs, options), await lm.generate(inputs, { ...options, useCache: false })];
    return made.every((one) => one.tokens[0]!.join() === tokens.join());
  } catch (error) {
    return messageOf(error);
  }
}

/** Whether a file has the numbers of a tensor in another shape. */
function isReshaped({ dims, data }: Tensor, expected: Entry): boolean {
  return dims.join() !== expected.dims.join() && data.length === expected.n;
}

class Counting {
  private right = 0;
  private all = 0;
  private readonly refused: [string, string][] = [];
  private readonly wrong: string[] = [];

  async count(where: string, isRight: () => Promise<boolean>): Promise<void> {
    this.all++;
    try {
      if (await isRight()) this.right++;
      else this.wrong.push(where);
    } catch (error) {
      this.refused.push([where, messageOf(error)]);
    }
  }

  get counted(): Count {
    const { right, all, refused, wrong } = this;
    return { right, all, refused, wrong };
  }
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Without the place of this program.
  return error.message.replace(/^\S+:\d+:\d+ - /, '').split('\n')[0]!;
}

/** The names that the builders of onnxruntime-genai give modules, by PyTorch's. */
function builderName(module: string): string {
  return module.replace('.self_attn', '.attn').replace(/^model\.norm$/, 'model.final_norm_layernorm');
}
