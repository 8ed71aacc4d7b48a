import type { RunStats } from '../execution/stats.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Backend } from './backend.ts';
import type { Resolved, Traced } from './tensor.ts';
import type { Tracer } from './tracer.ts';

/** A token as it comes. */
export interface GeneratedToken {
  readonly id: number;
  /** The text it adds; empty where characters are not complete yet. */
  readonly text: string;
  /** The prompt that it continues. */
  readonly row: number;
  /** Counted from 0. */
  readonly step: number;
}

/** How tokens are generated. The names are those of `generation_config.json` in camelCase, and so are the defaults. */
export interface GenerateOptions {
  /**
   * How many new tokens at most. Unless given, `max_new_tokens` of the model's files, or 20; and where they have a
   * `max_length`, no more than fit into a text of that length, prompt included.
   */
  readonly maxNewTokens?: number;
  /** Whether tokens are drawn at random; else the most likely one is taken. */
  readonly doSample?: boolean;
  /** Divides the logits: below 1 the likely tokens become more likely. Like `topK`, `topP` and `seed`, an error where nothing is drawn. */
  readonly temperature?: number;
  /** Draws from the k most likely tokens alone; 0 means no limit, whatever the model's files say. */
  readonly topK?: number;
  /** Draws from the most likely tokens that together have this probability. */
  readonly topP?: number;
  /** Divides the logits of tokens that are already there: 1 changes nothing. */
  readonly repetitionPenalty?: number;
  /** The same seed draws the same tokens. */
  readonly seed?: number;
  /** Ids of tokens that end a row, in place of the model's own. An empty list: nothing ends a row early. */
  readonly stopTokens?: readonly number[];
  /** Whether steps go on from the key-value cache of the step before, where the model has one: true unless given. */
  readonly useCache?: boolean;
  /** Called with every token as it comes, and awaited. */
  readonly onToken?: (token: GeneratedToken) => void;
  /** Runs the generation, block and all; this process unless given. */
  readonly backend?: Backend;
  /** Whether `RemoteBackend.default` runs it, where no backend is given. */
  readonly remote?: boolean;
  /** Ends the generation between two steps: the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Told what was compiled, run, reused and skipped, and how long it took: once for each step, and for what comes after. It is awaited. */
  readonly onStats?: (stats: RunStats) => void;
}

/** The result of a generation. */
export interface Generated<R> {
  /** All tokens, prompts and padding included: int64 [rows, tokens]. */
  readonly sequences: Tensor<'int64'>;
  /** The new tokens of each row, its stop token included. */
  readonly tokens: readonly (readonly number[])[];
  /** The new text of each row, without special tokens. */
  readonly texts: readonly string[];
  /** The result of the block, with a tensor for every save. */
  readonly result: Resolved<R>;
}

/** The result of a generation of a session: values of the traces that follow. */
export interface GeneratedInSession<R> {
  /** All tokens, prompts and padding included: int64 [rows, tokens]. */
  readonly sequences: Traced;
  /** What the block returned. */
  readonly result: R;
}

/** The argument of the block of a generation. */
export interface StepTracer<Input> extends Tracer<Input> {
  /**
   * Goes through steps of the generation: all, one (`iter(2)`), a range (`iter(0, 5)`, `iter(0, null, 2)`) or a list
   * (`iter([0, 2, 5])`). Inside the loop, modules are those of the step. A range past the last step warns.
   */
  iter(start?: number | readonly number[] | null, stop?: number | null, step?: number): IterableIterator<number>;
  /** Goes through all steps. */
  all(): IterableIterator<number>;
  /** Goes on to the next step (or some steps further): from here on, modules are those of that step. */
  next(steps?: number): number;
  /**
   * All tokens of the generation when it has ended, prompts and padding included: int64 [rows, tokens]; in an invoke those
   * of its rows. No step can use it, as all run before it is known.
   */
  readonly result: Traced;
}
