import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readTokenizer } from '../../api/language-model.ts';
import { TOKEN_IDS } from '../../inputs/convention.ts';
import { readLanguageConfig } from '../../language/config.ts';
import { paddingSide } from '../../language/padding-side.ts';
import { DECODER_TOKEN_IDS } from '../../onnx/encoder-decoder-names.ts';
import type { OnnxModel } from '../../onnx/model.ts';
import { BundleError } from '../error.ts';
import type { BundleFile, Manifest } from '../manifest-types.ts';

/** A file that is written as it is. */
export interface BesideFile {
  readonly file: BundleFile;
  readonly data: Uint8Array;
}

export interface BundleTokenizer {
  readonly entry: NonNullable<Manifest['tokenizer']>;
  readonly files: readonly BesideFile[];
}

/** The tokenizer in a folder, for a bundle of a model. Throws a ModelError or a BundleError if it is of no use for it. */
export function bundleTokenizer(folder: string, model: OnnxModel): BundleTokenizer {
  if (!model.inputs.some(({ name }) => name === TOKEN_IDS)) {
    throw new BundleError(
      `${model.file} has no input ${TOKEN_IDS}, so a tokenizer is of no use: leave out --tokenizer.`,
    );
  }
  readTokenizer(folder);
  const { padTokenId, eosTokenIds, maxPromptTokens, decoderStartTokenId, whole } = readLanguageConfig(folder);
  const isEncoderDecoder = model.inputs.some(({ name }) => name === DECODER_TOKEN_IDS);
  const [file, config] = [besideFile(folder, 'tokenizer.json'), besideFile(folder, 'tokenizer_config.json')];
  const side = paddingSide(model, whole);
  const pad = padTokenId ?? eosTokenIds[0] ?? 0;
  const entry = {
    file: file.file,
    config: config.file,
    pad,
    // A bundle has one word for all models that take no padding.
    side: side === 'states' ? ('none' as const) : side,
    longest: maxPromptTokens,
    ...(isEncoderDecoder && decoderStartTokenId !== null && { start: decoderStartTokenId }),
  };
  return { entry, files: [file, config] };
}

function besideFile(folder: string, path: string): BesideFile {
  const data = readFileSync(join(folder, path));
  return { data, file: { path, bytes: data.length, sha256: createHash('sha256').update(data).digest('hex') } };
}
