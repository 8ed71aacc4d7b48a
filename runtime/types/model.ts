/// <reference lib="esnext.disposable" preserve="true" />

import type { ReuseScope } from '../execution/reuse.ts';
import type { RunStats } from '../execution/stats.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import type { DType } from '../graph/types.ts';
import type { ChatMessage, ChatOptions } from '../language/chat.ts';
import type { HubOptions } from '../language/hub.ts';
import type { RawAudio } from '../media/raw-audio.ts';
import type { RawImage } from '../media/raw-image.ts';
import type { Segmentation } from '../partition/segmentation.ts';
import type { NestedStrings } from '../tensor/string-tensor.ts';
import type { AnyTensor, Returned, Tensor, TensorData } from '../tensor/tensor.ts';
import type { Backend, NewToken, ReceivedRequest } from './backend.ts';
import type { Generated, GenerateOptions, StepTracer } from './generation.ts';
import type { InputHooks } from './input-hooks.ts';
import type { EnvoyMembers, Loose, Operations } from './module.ts';
import type { Session } from './session.ts';
import type { Operand, OperandArray, Resolved, Saved, SavedEach, Traced } from './tensor.ts';
import type { Tokenizer } from './tokenizer.ts';
import type { Tracer } from './tracer.ts';

/** Where a model runs. */
export type Device = 'cpu' | 'cuda' | 'webgpu';

/** Inputs by the names that the model gives them. */
export type Inputs = Readonly<Record<string, TensorData | NestedStrings | Media | readonly Media[] | undefined>>;

/** A picture or sound, for models with a `preprocessor_config.json`: as `image` or `audio`. */
export type Media = RawImage | RawAudio;

/** The inputs of a model: by name, or the data of the first one. */
export type ModelInputs = Inputs | TensorData;

/** How a model is found, and how it runs. */
export interface LoadOptions extends HubOptions {
  /** `auto`, the default, takes the best device that works. */
  readonly device?: 'auto' | Device;
  /**
   * Whether a block that runs often becomes one session, in another thread, which takes the model's weights into memory
   * once more. On `cpu` and `cuda`, for models that are cut at their layers.
   */
  readonly fuse?: boolean;
  /**
   * Where the model is cut: `auto` on the `cpu`, `blocks` on `cuda`, `layers` on `webgpu`, unless given here or by the
   * environment variable ONNSIGHT_SEGMENTS. `auto` changes its ways by what they cost, `taps` uses one session
   * with taps from the first run on.
   */
  readonly segmentation?: Segmentation;
  /** Whether runs on inputs that came lately share what they compute, up to 128 MiB of it: true unless given. */
  readonly reuse?: boolean;
  /**
   * How often the body of a loop over traced values may run: 100,000 times unless given. A loop that goes on is an error
   * at its line: ONNX Runtime ends no loop by itself, and a `signal` ends a run between two segments only.
   */
  readonly maxIterations?: number;
  /**
   * Other names for modules, one or several each; the old names stay. A path, or a part of one, gets them wherever it
   * is: `{ 'transformer.h': 'layers', 'h.0': 'first', mlp: ['feedForward', 'ffn'] }`.
   */
  readonly rename?: Readonly<Record<string, string | readonly string[]>>;
  /**
   * Classes whose properties modules get, by the Python class of the modules (where the file tells it) or by a path or the
   * end of one: `{ 'attn.c_proj': Heads }`. In them `this` is the module.
   */
  readonly envoys?: Readonly<Record<string, EnvoyClass>>;
  /** The user's own functions to prepare inputs and to batch them. */
  readonly inputHooks?: InputHooks;
}

/** How one trace is run. */
export interface TraceOptions {
  /** Runs the graph; this process unless given. */
  readonly backend?: Backend;
  /** Whether `RemoteBackend.default` runs it, where no backend is given. */
  readonly remote?: boolean;
  /** Ends the run between two segments of the model: the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * Runs that share a scope do not compute the same results on the same inputs again. Without one, runs on inputs that
   * came lately share what they compute, up to 128 MiB; `false`: this run computes everything.
   */
  readonly reuse?: ReuseScope | false;
  /** Told what was compiled, run, reused and skipped, and how long it took: once for each run of a model. It is awaited. */
  readonly onStats?: (stats: RunStats) => void;
  /** Told after each segment and intervention how many of the run have ended, and how many there are. It is awaited. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** How a request is run. */
export interface ExecuteOptions extends Pick<TraceOptions, 'signal' | 'onProgress'> {
  /** Told each token of a generation as it comes. It is awaited. */
  readonly onToken?: (token: NewToken) => void;
  /** Gives the model of a hash that the request calls beside this one; null or undefined if there is none. */
  readonly attached?: (hash: string) => Promise<object | null | undefined>;
}

/** Where an edit goes. */
export interface EditOptions {
  /** Into this very model; into a copy unless given. */
  readonly inplace?: boolean;
}

/** A dtype and dims in place of a tensor; null for a size that only the run tells. */
export interface TensorDescription {
  readonly dtype: DType;
  readonly dims: readonly (number | null)[] | null;
}

/** The result of a scan for the block's result. */
export type Described<T> = T extends Traced
  ? TensorDescription
  : T extends AnyTensor
    ? T
    : T extends readonly unknown[]
      ? { [K in keyof T]: Described<T[K]> }
      : T extends object
        ? { [K in keyof T]: Described<T[K]> }
        : T;

/** The operations that a tree declares; any name if it declares none. */
type OperationsOf<Tree> = Tree extends { readonly ops: infer Known extends Operations } ? Known : Operations;

/** All inputs or outputs of a model, in its order: by index, and by the names that the file gives them. */
export interface NamedTensors extends Array<Traced> {
  // biome-ignore lint/suspicious/noExplicitAny: with noUncheckedIndexedAccess a tensor would be "possibly undefined".
  [index: number]: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  readonly [name: string]: any;
}

/** The members of a model besides its modules. `Input` is the type of its inputs. */
export interface ModelMembers<Input = ModelInputs, Tree = Loose> extends EnvoyMembers {
  /** Every operation of the model by its ONNX name and count. */
  readonly ops: OperationsOf<Tree>;
  /** All inputs, the main one first: `lm.inputs['past_key_values.0.key']` by name. */
  get inputs(): NamedTensors;
  set inputs(values: readonly Operand[]);
  /** All outputs, the main one first, by index and by name. */
  get outputs(): NamedTensors;
  set outputs(values: readonly Operand[]);
  /** Runs the model and gives all its outputs by name. */
  trace(inputs: Input, options?: TraceOptions): Promise<Record<string, Returned>>;
  /** Runs the model with the block's interventions; the block's result comes back with a tensor for every save. */
  trace<const R>(inputs: Input, block: (tracer: Tracer<Input>) => R, options?: TraceOptions): Promise<Resolved<R>>;
  /** The same for several inputs as one batch: the block gives them with `tracer.invoke(inputs, block)`. */
  trace<const R>(block: (tracer: Tracer<Input>) => R, options?: TraceOptions): Promise<Resolved<R>>;
  /** Dtypes and dims of what a block returns, saved or not, without running anything. */
  scan<const R>(inputs: Input, block: (tracer: Tracer<Input>) => R): Promise<Described<R>>;
  /**
   * Runs a trace that came as data, `requestFromJson(json)`: the tensors of its saves, in order (`answerToJson` makes
   * the answer from them). Throws a `GraphError` if it was made for another model.
   */
  execute(request: ReceivedRequest, options?: ExecuteOptions): Promise<(Tensor | undefined)[]>;
  /** Runs several traces as one: values of one can be used in those that follow. */
  session<const R>(block: (session: Session<Input>) => R, options?: TraceOptions): Promise<Resolved<R>>;
  /** The intervention graph of a block, checked but not run: print it with `String`, or send it with `graphToJson`. */
  graph(inputs: Input, block: (tracer: Tracer<Input>) => unknown): Promise<InterventionGraph>;
  /**
   * A copy of the model with a block's interventions built in: they happen in every trace, invoke and generation. With
   * `inplace`, this very model gets them. Edits add up.
   */
  edit(block: () => void, options?: EditOptions): this;
  /** Takes out all edits of this model. */
  clearEdits(): void;
  /** The same model on another device. */
  to(device: 'auto' | Device): Promise<this>;
  /** Where the model runs. */
  readonly device: Device;
  /**
   * Gives back the memory of the model's sessions at once, those of its edited copies too; a later use is an error.
   * `using` and `await using` do it at the end of a scope. Without it garbage collection does, some time after nobody
   * holds the model.
   */
  release(): Promise<void>;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A loaded model with its module tree. */
export type NNsight<Tree = Loose> = ModelMembers<ModelInputs, Tree> & Tree;

/** A loaded language model, which texts can be given to. */
export type LanguageModel<Tree = Loose> = LanguageModelMembers<Tree> & Tree;

/** The inputs of a language model: one text or several, a conversation, token ids, or inputs by name. */
export type Prompt = string | readonly string[] | readonly ChatMessage[] | ModelInputs;

export interface LanguageModelMembers<Tree = Loose> extends ModelMembers<Prompt, Tree> {
  /** The model's tokenizer, as `@huggingface/tokenizers` has it. */
  readonly tokenizer: Tokenizer;
  /** The model's `config.json`, whole; empty where there is none. */
  readonly config: Readonly<Record<string, unknown>>;
  /** A conversation as the one text that the model was trained on, special tokens included. */
  chatText(messages: readonly ChatMessage[], options?: ChatOptions): string;
  /** Generates tokens one by one. The block is traced once, over all steps. */
  generate<const R = undefined>(
    prompt: Prompt,
    options?: GenerateOptions,
    block?: (tracer: StepTracer<Prompt>) => R,
  ): Promise<Generated<R>>;
  /** The same, with the block before the options, as in a trace. */
  generate<const R>(
    prompt: Prompt,
    block: (tracer: StepTracer<Prompt>) => R,
    options?: GenerateOptions,
  ): Promise<Generated<R>>;
  /** Generates for several prompts as one batch: the block gives them with `tracer.invoke(prompt, block)`. */
  generate<const R>(options: GenerateOptions, block: (tracer: StepTracer<Prompt>) => R): Promise<Generated<R>>;
}

/** Opens ONNX models. */
export interface NNsightLoader {
  /**
   * Reads a model's graph (its weights stay in the file) and finds its modules. It is an .onnx file, a folder with one (or
   * several, of which options choose), or a model of the Hugging Face hub, `owner/name`, which is downloaded once into the
   * usual cache. Throws a `ModelError` on a file that is not an ONNX model, a `DeviceError` on a device that does not work
   * here. `onnsight/toy-sae`, an autoencoder for layer 2 of `onnsight/toy-gpt2`, comes with this package.
   */
  load<Tree = Loose>(pathOrHubId: string, options?: LoadOptions): Promise<NNsight<Tree>>;
}

/** Opens language models. */
export interface LanguageModelLoader {
  /**
   * Opens a folder with an .onnx file, `tokenizer.json` and `tokenizer_config.json`, as published models have them, or
   * a model of the Hugging Face hub, `owner/name`, which is downloaded once into the usual cache, or `onnsight/toy-gpt2`,
   * which comes with this package.
   * Throws a `ModelError` that names what is missing.
   */
  load<Tree = Loose>(pathOrHubId: string, options?: LoadOptions): Promise<LanguageModel<Tree>>;
}

/** A class whose getters, setters and methods modules get. None is ever made of it. */
export type EnvoyClass = abstract new () => object;

/** Brings a value back from the run: of an array or a plain object each value that it holds. Inside a block only. */
export interface Save {
  (value: Exclude<Operand, OperandArray>): Saved;
  <const T extends readonly unknown[] | Readonly<Record<string, unknown>>>(values: T): SavedEach<T>;
  (value: Operand): Saved;
}
