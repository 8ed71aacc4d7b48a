import { type OptionKind, TEXT } from '../api/option-kinds.ts';
import { checkOptions } from '../api/options.ts';
import { TraceError } from '../errors.ts';
import {
  add,
  type Envoy,
  type LanguageModel,
  mul,
  type NNsight,
  type Operand,
  softmax,
  type Tensor,
  type Traced,
} from '../index.ts';
import { ownProxy } from '../own-proxies.ts';
import type { AtIndex } from '../tensor/at-index.ts';
import { callerSite } from '../tracing/caller.ts';
import { checkCall } from './options.ts';
import { probabilitiesIn } from './probabilities.ts';
import { missing, type Standard, type StandardName, standardModules } from './standard-names.ts';

/** A value of each layer, by the layer's number, which may count from the end: read and set in a block. */
export interface ByLayer<T> {
  [layer: number]: T;
  readonly length: number;
}

/** What is read and written at an index: where a traced tensor is no number, one type has to take what operators give. */
// biome-ignore lint/suspicious/noExplicitAny: an index has one type for both.
type Value = 'numbers' extends keyof OnnsightTypes ? AtIndex<number> : any;

const FACTOR: OptionKind = { text: 'a number', fits: (value) => typeof value === 'number' };
const POSITIONS: OptionKind = {
  text: 'a position, or an array of positions',
  fits: (value) => [value].flat().every(Number.isInteger),
};

/** Keys of a model's configuration for the same numbers. */
const SIZES = {
  numHeads: ['num_attention_heads', 'n_head', 'n_heads', 'num_heads'],
  hiddenSize: ['hidden_size', 'n_embd', 'd_model', 'dim'],
  vocabSize: ['vocab_size', 'n_vocab'],
} as const;

/**
 * One set of names for the parts of any transformer: nnterp's, in camel case. Its values are read and set in the blocks of
 * the model's own traces: `lm.trace(prompt, () => { st.layersOutput[3] *= 0.5; return save(st.logits); })`.
 *
 * A part that a model lacks, or that its file cannot give, is an error at the line that asks for it.
 */
export class StandardizedTransformer {
  readonly model: LanguageModel | NNsight;
  /** The list of layers. */
  readonly layers: Envoy;
  /** The modules of attention and the MLPs, by layer. */
  readonly attentions: ByLayer<Envoy>;
  readonly mlps: ByLayer<Envoy>;
  /** In a decoder beside an encoder: attention to what that made. */
  readonly crossAttentions: ByLayer<Envoy>;
  /** float [batch, position, features], as the model has it. */
  readonly layersInput: ByLayer<Value>;
  readonly layersOutput: ByLayer<Value>;
  readonly attentionsInput: ByLayer<Value>;
  readonly attentionsOutput: ByLayer<Value>;
  readonly mlpsInput: ByLayer<Value>;
  readonly mlpsOutput: ByLayer<Value>;
  readonly crossAttentionsInput: ByLayer<Value>;
  readonly crossAttentionsOutput: ByLayer<Value>;
  /** What softmax gives in attention: float [batch, head, position, position]. */
  readonly attentionProbabilities: ByLayer<Value>;
  readonly crossAttentionProbabilities: ByLayer<Value>;
  readonly #standard: Standard;

  /** @throws TraceError for a model without a list of layers, or with several where `within` does not choose one */
  constructor(model: LanguageModel | NNsight, options: StandardOptions = {}, ...more: readonly never[]) {
    checkCall('new StandardizedTransformer', 'model, options', model, more);
    checkOptions('StandardizedTransformer', options, { within: TEXT });
    const { within } = options;
    const standard = standardModules(model as Envoy, within === undefined ? undefined : model.get(within));
    this.model = model;
    this.#standard = standard;
    this.layers = standard.layers;
    const layer = (index: number): Envoy => Array.from(standard.layers)[index]!;
    const part = (name: 'self_attn' | 'cross_attn' | 'mlp') => (index: number) =>
      standard[name][index] ?? lacks(name, layer(index));
    const [attention, mlp, cross] = [part('self_attn'), part('mlp'), part('cross_attn')];
    const { length } = standard.self_attn;
    this.attentions = byLayer('attentions', length, attention);
    this.mlps = byLayer('mlps', length, mlp);
    this.crossAttentions = byLayer('crossAttentions', length, cross);
    const port = (name: string, module: (index: number) => Envoy, side: 'input' | 'output') =>
      byLayer<Value>(
        name,
        length,
        (index) => module(index)[side],
        (index, value) => {
          module(index)[side] = value;
        },
      );
    this.layersInput = port('layersInput', layer, 'input');
    this.layersOutput = port('layersOutput', layer, 'output');
    this.attentionsInput = port('attentionsInput', attention, 'input');
    this.attentionsOutput = port('attentionsOutput', attention, 'output');
    this.mlpsInput = port('mlpsInput', mlp, 'input');
    this.mlpsOutput = port('mlpsOutput', mlp, 'output');
    this.crossAttentionsInput = port('crossAttentionsInput', cross, 'input');
    this.crossAttentionsOutput = port('crossAttentionsOutput', cross, 'output');
    const patterns = (name: string, module: (index: number) => Envoy) =>
      byLayer<Value>(
        name,
        length,
        (index) => this.#byHead(name, probabilitiesIn(module(index)).output),
        (index, value) => {
          const probabilities = probabilitiesIn(module(index));
          if (probabilities.output.shape.length !== 3) probabilities.output = value;
          else this.#byHead(name, probabilities.output)[':'] = value;
        },
      );
    this.attentionProbabilities = patterns('attentionProbabilities', attention);
    this.crossAttentionProbabilities = patterns('crossAttentionProbabilities', cross);
    // Blocks take what stands in a proxy of this library for parts of the model: writes to it are the model's.
    const own: StandardizedTransformer = ownProxy<StandardizedTransformer>(this, {
      get: (target, key) => {
        const value = Reflect.get(target, key);
        const isMethod = Object.getOwnPropertyDescriptor(StandardizedTransformer.prototype, key)?.value === value;
        return isMethod ? (value as () => unknown).bind(target) : value;
      },
      set: (target, key, value) => {
        if (key !== 'tokenEmbeddings' && key !== 'logits') {
          throw new TraceError(`${String(key)} of a standardized transformer cannot be set.`, callerSite());
        }
        return Reflect.set(target, key, value);
      },
    });
    // biome-ignore lint/correctness/noConstructorReturn: as tensors do.
    return own;
  }

  /** The module that looks tokens up. */
  get embedTokens(): Envoy {
    return this.#module('embed_tokens');
  }

  /** What it gives: float [batch, position, features]. */
  get tokenEmbeddings(): Traced {
    return this.embedTokens.output;
  }

  set tokenEmbeddings(value: Operand) {
    this.embedTokens.output = value;
  }

  /** The norm behind the last layer. */
  get lnFinal(): Envoy {
    return this.#module('ln_final');
  }

  /** The module that gives the logits. */
  get lmHead(): Envoy {
    return this.#module('lm_head');
  }

  /** float [batch, position, vocabulary] */
  get logits(): Traced {
    return this.lmHead.output;
  }

  set logits(value: Operand) {
    this.lmHead.output = value;
  }

  /** The probabilities of the next token: float [batch, vocabulary]. Texts are padded on the left. */
  get nextTokenProbs(): Traced {
    return softmax(this.logits[':, -1'], -1);
  }

  get numLayers(): number {
    return this.layersOutput.length;
  }

  /** Of the model's configuration; null where it has none, or does not tell. */
  get numHeads(): number | null {
    return this.#size('numHeads');
  }

  get hiddenSize(): number | null {
    return this.#size('hiddenSize');
  }

  get vocabSize(): number | null {
    return this.#size('vocabSize');
  }

  /** Leaves a layer out: what it gives is its input, or another value. */
  skipLayer(layer: number, skipWith?: Operand): void {
    this.skipLayers(layer, layer, skipWith);
  }

  /** Leaves out the layers from one to another, that one too. */
  skipLayers(start: number, end: number, skipWith: Operand = this.layersInput[start]): void {
    for (let layer = start; layer <= end; layer++) this.#layerAt(layer).skip(skipWith);
  }

  /** Adds a vector to what layers give, at all positions or at some. */
  steer(layers: number | readonly number[], vector: Tensor, options: SteerOptions = {}): void {
    checkOptions('steer', options, { factor: FACTOR, positions: POSITIONS });
    const { factor = 1, positions } = options;
    for (const layer of [layers].flat()) {
      const { output }: { output: Value } = this.#layerAt(layer);
      if (positions === undefined) this.layersOutput[layer] = add(output, mul(vector, factor));
      else {
        const index = `:, [${[positions].flat().join(', ')}]`;
        output[index] = add(output[index], mul(vector, factor));
      }
    }
  }

  /** The logits of a hidden state: float [..., features] to [..., vocabulary]. */
  projectOnVocab(hidden: Operand): Traced {
    return this.lmHead(this.#unembedded(this.lnFinal(hidden)));
  }

  /** What goes into the unembedding: models of T5's kind whose embeddings are tied divide by the root of their width. */
  #unembedded(normed: Traced): Operand {
    if (!/(^|\.)block$/.test(this.layers.path)) return normed;
    const { config } = this.model as Partial<LanguageModel>;
    const { scale_decoder_outputs, tie_word_embeddings = true } = (config ?? {}) as Record<string, unknown>;
    if (!(scale_decoder_outputs ?? tie_word_embeddings)) return normed;
    if (this.hiddenSize === null) {
      throw new TraceError(
        `projectOnVocab needs the model's configuration: models of T5's kind may divide what goes into ${this.lmHead.path} by the root of their width. Load the model with LanguageModel.load, or call the modules yourself.`,
        callerSite(),
      );
    }
    return mul(normed, this.hiddenSize ** -0.5);
  }

  /** Some models count their heads beside the rows of the batch, in one dim: [batch x heads, from, to]. */
  #byHead(name: string, probabilities: Value): Value {
    if (probabilities.shape.length !== 3) return probabilities;
    if (this.numHeads === null) {
      throw new TraceError(
        `${name} are [batch x heads, from, to] in this file, and no configuration tells how many heads there are. Load the model with LanguageModel.load from a folder with its config.json, or use the operation: ops.Softmax.output of the module of attention.`,
        callerSite(),
      );
    }
    return probabilities.unflatten(0, [-1, this.numHeads]);
  }

  #layerAt(index: number): Envoy {
    return this.layers[index]!;
  }

  #module(name: 'embed_tokens' | 'ln_final' | 'lm_head'): Envoy {
    const { around } = this.#standard;
    return this.#standard[name] ?? lacks(name, name === 'ln_final' ? around : (this.model as Envoy));
  }

  #size(name: keyof typeof SIZES): number | null {
    const config = ('config' in this.model ? this.model.config : {}) as Record<string, unknown>;
    const [found = null] = SIZES[name].map((key) => config[key]).filter((value) => typeof value === 'number');
    return found;
  }
}

export interface StandardOptions {
  /** The path of the transformer that is meant, in a model with several: `vision_model`, `decoder`. */
  readonly within?: string;
}

/** Options of `steer`. */
export interface SteerOptions {
  /** What the vector is multiplied by: 1 unless given. */
  readonly factor?: number;
  /** The positions that are changed: all unless given. */
  readonly positions?: number | readonly number[];
}

function lacks(name: StandardName, within: Envoy): never {
  throw new TraceError(missing(name, within), callerSite());
}

function byLayer<T>(
  name: string,
  length: number,
  get: (index: number) => T,
  set?: (index: number, value: T) => void,
): ByLayer<T> {
  const indexOf = (key: string): number => {
    const index = Number(key) < 0 ? Number(key) + length : Number(key);
    if (Number.isInteger(index) && index >= 0 && index < length) return index;
    throw new TraceError(
      `There is no ${name}[${key}]: the model has ${length} layers, so its indices run from ${-length} to ${length - 1}.`,
      callerSite(),
    );
  };
  const isIndex = (key: PropertyKey): key is string => typeof key === 'string' && /^-?\d+$/.test(key);
  return ownProxy<ByLayer<T>>({ length } as ByLayer<T>, {
    get: (target, key) => (isIndex(key) ? get(indexOf(key)) : Reflect.get(target, key)),
    set: (_, key, value) => {
      if (!isIndex(key) || !set) throw new TraceError(`${name}[${String(key)}] cannot be set.`, callerSite());
      set(indexOf(key), value);
      return true;
    },
  });
}
