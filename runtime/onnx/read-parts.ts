import { decoderPart, joinEncoderDecoder } from './encoder-decoder.ts';
import type { CacheSizes } from './head-sizes.ts';
import type { OnnxModel } from './model.ts';
import { readDecoder, readModel } from './read.ts';

/** The files of a model: one, or those of an encoder-decoder. */
export interface ModelPaths {
  /** The .onnx file; of an encoder-decoder that of the decoder. */
  readonly path: string;
  readonly beside: { readonly encoder: string; readonly withPast: string | null } | null;
}

/** What runs in the steps of a generation after the first. */
export interface LaterParts {
  /** The decoder on all tokens so far. */
  readonly whole: OnnxModel;
  /** The decoder on one more token and a cache; null where the files have none. */
  readonly cached: OnnxModel | null;
}

/** A model as it is traced. */
export interface ReadParts {
  readonly model: OnnxModel;
  /** Of an encoder-decoder: what is left to do when the encoder has run. Null for any other model, which runs as it is. */
  readonly later: LaterParts | null;
}

/** Reads a model. Throws a ModelError as `readModel` does, and for an encoder and a decoder that do not fit together. */
export async function readParts({ path, beside }: ModelPaths, cache?: CacheSizes): Promise<ReadParts> {
  if (!beside) return { model: await readModel(path, cache), later: null };
  const encoder = await readModel(beside.encoder);
  const { first, later } = await readDecoder(path, cache);
  const cached = later ?? (beside.withPast === null ? null : await readModel(beside.withPast, cache));
  return {
    model: joinEncoderDecoder(encoder, first),
    later: { whole: decoderPart(first), cached: cached && decoderPart(cached) },
  };
}
