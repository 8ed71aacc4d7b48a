import { GraphError } from '../graph/error.ts';
import {
  ATTENTION_MASK,
  continuedInput,
  isCarried,
  isPast,
  POSITION_IDS,
  positions,
  TOKEN_IDS,
} from '../inputs/convention.ts';
import { prepareInputs } from '../inputs/prepare.ts';
import { ruled } from '../language/token-rules.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { NewToken } from '../types/backend.ts';
import type { CourseGeneration } from '../types/course.ts';

/** Chooses the next token of a row by the logits of its last position. */
export type Sampler = (logits: Float32Array, row: number, rows: readonly (readonly number[])[]) => number;

export interface DecodingOptions extends CourseGeneration {
  readonly sample: Sampler;
  /** Called with every new token, row by row. */
  readonly onToken?: (token: NewToken) => void;
}

/** The tokens of a generation, as they come: makes the inputs of every step from the outputs of the one before. */
export class Decoding {
  /** All tokens of each row: padding, prompt, new ones. */
  readonly rows: number[][];
  /** The new tokens of each row, its last stop token included. */
  readonly fresh: number[][];
  private readonly options: DecodingOptions;
  private readonly mask: number[][];
  /** Of an encoder-decoder: which of the encoder's tokens are none but padding. */
  private readonly encoderMask: InputTensor | undefined;
  /** The positions of the prompts' tokens, where they are others than those that are filled in. */
  private readonly positions: readonly (readonly number[])[] | null;
  private readonly ended: boolean[];
  /** How many tokens a prompt has, padding included. */
  private readonly prompt: number;
  private steps = 0;

  constructor(model: OnnxModel, prompt: ReadonlyMap<string, InputTensor>, options: DecodingOptions) {
    this.options = options;
    const tokens = continuedInput(model.inputs);
    this.rows = table(prompt.get(tokens) as Tensor);
    const given = prompt.get(ATTENTION_MASK);
    const mask = tokens === TOKEN_IDS ? given : undefined;
    this.encoderMask = tokens === TOKEN_IDS ? undefined : given;
    this.mask = mask ? table(mask as Tensor) : this.rows.map((row) => row.map(() => 1));
    this.fresh = this.rows.map(() => []);
    this.ended = this.rows.map(() => false);
    this.prompt = this.rows[0]!.length;
    this.positions = ownPositions(prompt.get(POSITION_IDS), mask, [this.rows.length, this.prompt]);
  }

  /**
   * Takes the next token of each row. False when all rows have ended.
   * @param logits of the last position of each: [rows, vocabulary], or [rows, 1, vocabulary]
   */
  async advance(logits: Tensor | undefined): Promise<boolean> {
    const [rows, ...dims] = logits?.dims ?? [];
    const isOfOne = dims.length === 1 || (dims.length === 2 && dims[0] === 1);
    if (!logits || !isOfOne || rows !== this.rows.length) {
      // Those of a trace that was recorded here are; a request may say anything.
      throw new GraphError(
        `The logits of a step are [${this.rows.length}, vocabulary] or [${this.rows.length}, 1, vocabulary], not [${logits?.dims ?? '?'}].`,
      );
    }
    const vocabulary = dims.at(-1)!;
    const { data } = logits as { data: ArrayLike<number> };
    const all = data instanceof Float32Array ? data : Float32Array.from(data);
    // Tokens of padding belong to no text: a repetition penalty must not see them.
    const { sample, pad, rules, count } = this.options;
    const real = this.rows.map((row, i) => row.filter((_, j) => this.mask[i]![j] !== 0));
    for (const [i, row] of this.rows.entries()) {
      const alive = !this.ended[i];
      const own = all.subarray(i * vocabulary, (i + 1) * vocabulary);
      const scores = rules && alive ? ruled(own, rules, { before: real[i]!, step: this.steps, count }) : own;
      const id = alive ? sample(scores, i, real) : pad;
      row.push(id);
      this.mask[i]!.push(alive ? 1 : 0);
      if (!alive) continue;
      this.fresh[i]!.push(id);
      this.ended[i] = this.options.stop.has(id);
      await this.options.onToken?.({ id, row: i, step: this.steps });
    }
    this.steps++;
    return this.goesOn;
  }

  /** Whether a row is left that has not ended. */
  get goesOn(): boolean {
    return this.ended.some((ended) => !ended);
  }

  /** Whether one of some rows (null: of all) took part in a step: no stop token of its own came before. */
  gotTo(step: number, rows: { readonly start: number; readonly count: number } | null): boolean {
    const { start, count } = rows ?? { start: 0, count: this.rows.length };
    const ended = this.ended.slice(start, start + count);
    return ended.some((isEnded, i) => !isEnded || this.fresh[start + i]!.length > step);
  }

  /** All tokens so far, without what was appended after all rows had ended: int64 [rows, tokens]. */
  sequences(): Tensor<'int64'> {
    const length = this.prompt + Math.max(...this.fresh.map((row) => row.length));
    return Tensor.from(
      this.rows.map((row) => row.slice(0, length)),
      'int64',
    );
  }

  /**
   * The inputs of the next step: with a key-value cache the last token alone, without one all tokens.
   * @param model what runs the step
   * @param given what earlier steps have left, by the names of the inputs that take it
   */
  inputs(model: OnnxModel, given: ReadonlyMap<string, InputTensor>): Map<string, InputTensor> {
    const carried = [...given].filter(([name]) => isCarried(name));
    const hasPast = carried.some(([name]) => isPast(name));
    const known = new Set(model.inputs.map(({ name }) => name));
    const tokens = continuedInput(model.inputs);
    const lengthOf = (input: string) => model.inputs.find(({ name }) => name === input)?.dims?.[1];
    // Beside states alone a mask may be of the new tokens.
    const isOfNew = hasPast && lengthOf(ATTENTION_MASK) === lengthOf(tokens);
    const mask = isOfNew ? this.mask.map((row) => row.slice(-1)) : this.mask;
    return prepareInputs(model, {
      [tokens]: this.rows.map((row) => (hasPast ? [row.at(-1)!] : row)),
      ...(known.has(ATTENTION_MASK) && { [ATTENTION_MASK]: this.encoderMask ?? mask }),
      ...(this.positions && { [POSITION_IDS]: this.rows.map((row, i) => this.positionsOf(i, row.length, hasPast)) }),
      ...Object.fromEntries(carried),
    });
  }

  /** New tokens stand behind the last one of the prompt, as in transformers. */
  private positionsOf(row: number, count: number, isLastAlone: boolean): number[] {
    const given = this.positions![row]!;
    const all = [...given, ...Array.from({ length: count - given.length }, (_, i) => given.at(-1)! + 1 + i)];
    return isLastAlone ? all.slice(-1) : all;
  }
}

/** Positions that a user gave: others than those that count the tokens which are attended to. */
function ownPositions(
  given: InputTensor | undefined,
  mask: InputTensor | undefined,
  [batch, sequence]: readonly [number, number],
): number[][] | null {
  if (given?.dims.join() !== [batch, sequence].join()) return null;
  const own = table(given as Tensor);
  const counted = table(positions(mask, batch, sequence, 0));
  return own.join() === counted.join() ? null : own;
}

function table(tensor: Tensor): number[][] {
  return (tensor.toArray() as (number | bigint)[][]).map((row) => row.map(Number));
}
