import { posix } from 'node:path';
import { ModelError } from '../onnx/error.ts';

/** The files of an encoder-decoder beside that of its decoder, by paths like its own. */
export interface EncoderFiles {
  readonly encoder: string;
  /** The decoder that goes on from a cache; null where there is none, or the decoder's own file has that part. */
  readonly withPast: string | null;
}

const DECODER = /^decoder_model(_merged)?((?:_[a-z0-9]+)?\.onnx)$/;

/**
 * What belongs to a decoder in the folder of its file, as optimum names it: `encoder_model.onnx` and
 * `decoder_with_past_model.onnx`, with weights stored as its own. Null for a file that is no decoder, and for a decoder
 * without an encoder.
 * Throws a ModelError where there are encoders, and none of them has its weights stored so.
 */
export function encoderFilesOf(decoder: string, paths: readonly string[]): EncoderFiles | null {
  const folder = posix.dirname(decoder);
  const [, merged, ending] = DECODER.exec(posix.basename(decoder)) ?? [];
  if (ending === undefined) return null;
  const beside = (name: string) => posix.join(folder, name);
  const encoder = beside(`encoder_model${ending}`);
  if (!paths.includes(encoder)) {
    const others = paths.filter((path) => path.startsWith(beside('encoder_model')) && path.endsWith('.onnx'));
    if (others.length === 0) return null;
    throw new ModelError(
      `${decoder} has no ${posix.basename(encoder)} beside it, only ${others.map((path) => posix.basename(path)).join(', ')}: choose weights that encoder and decoder both have with the option dtype`,
    );
  }
  const withPast = beside(`decoder_with_past_model${ending}`);
  return { encoder, withPast: merged === undefined && paths.includes(withPast) ? withPast : null };
}
