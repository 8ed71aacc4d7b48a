import { joinRows, rowsOf } from '../inputs/rows.ts';
import { InputError, type Inputs } from '../inputs/signature.ts';
import { DECODER_TOKEN_IDS } from '../onnx/encoder-decoder-names.ts';
import { Tensor } from '../tensor/tensor.ts';
import { inner } from '../tracing/hidden.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import type { InputMaker } from './input-maker.ts';

/** Inputs of an encoder-decoder: those of the encoder, and for the decoder its start token, unless its tokens are given. */
export class DecoderInputs implements InputMaker {
  readonly #encoder: InputMaker;
  readonly #start: number | null;

  /** @param start the token that the decoder begins with; null if the model's files do not tell it */
  constructor(encoder: InputMaker, start: number | null) {
    this.#encoder = encoder;
    this.#start = start;
  }

  read(inputs: unknown): Promise<Inputs> | null {
    return this.#encoder.read?.(inputs) ?? null;
  }

  prepare(inputs: unknown): Inputs {
    const prepared = this.#encoder.prepare(inputs);
    if (prepared[DECODER_TOKEN_IDS] !== undefined) return prepared;
    const rows = batchOf(prepared);
    // Without inputs, or with some of another form, the model's own check says what is missing.
    if (rows === 0) return prepared;
    if (this.#start === null) {
      throw new InputError(
        `The decoder's first token is not known: config.json has no decoder_start_token_id. Give the input ${DECODER_TOKEN_IDS}, [rows, tokens].`,
      );
    }
    if (rows === null) {
      throw new InputError(
        `How many rows there are is not known before the run, so that the decoder's start tokens cannot be made. Give the input ${DECODER_TOKEN_IDS}, too.`,
      );
    }
    const ids = new BigInt64Array(rows).fill(BigInt(this.#start));
    return { ...prepared, [DECODER_TOKEN_IDS]: new Tensor('int64', [rows, 1], ids) };
  }

  batch(list: readonly Inputs[]): Inputs {
    const own = list.map(({ [DECODER_TOKEN_IDS]: ids }) => ({ [DECODER_TOKEN_IDS]: ids }));
    const others = list.map(({ [DECODER_TOKEN_IDS]: _, ...rest }) => rest);
    return { ...this.#encoder.batch(others), ...joinRows(own) };
  }
}

/** How many rows inputs have; null if only the run tells. */
function batchOf(inputs: Inputs): number | null {
  const first: unknown = Object.values(inputs)[0];
  return first instanceof TensorProxy ? (first[inner].type.shape?.[0] ?? null) : rowsOf(inputs);
}
