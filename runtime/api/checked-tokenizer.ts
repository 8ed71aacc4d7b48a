import { Tokenizer as PackageTokenizer } from '@huggingface/tokenizers';
import { TraceError } from '../errors.ts';
import { unknownOption } from '../nearest.ts';
import { callerSite } from '../tracing/caller.ts';
import type { Encoding, Tokenizer } from '../types/tokenizer.ts';

type EncodeOptions = NonNullable<Parameters<Tokenizer['encode']>[1]>;
type DecodeOptions = NonNullable<Parameters<Tokenizer['decode']>[1]>;

/** The declarations of the package are lost on compilers that ask for the extensions of files. */
const Unchecked = PackageTokenizer as unknown as new (tokenizer: object, config: object) => Tokenizer;

/** A tokenizer whose options are checked: that of the package does without those that it does not know. */
export class CheckedTokenizer extends Unchecked {
  override encode(text: string, options: EncodeOptions = {}, ...more: readonly never[]): Encoding {
    check('encode(text, options)', options, ['text_pair', 'add_special_tokens', 'return_token_type_ids'], more);
    if (typeof text !== 'string') throw new TraceError('tokenizer.encode takes a text.', callerSite());
    return super.encode(text, options);
  }

  override decode(ids: readonly number[], options: DecodeOptions = {}, ...more: readonly never[]): string {
    check('decode(ids, options)', options, ['skip_special_tokens', 'clean_up_tokenization_spaces'], more);
    const wrong = Array.from<unknown>(ids).find(
      (id) => !(typeof id === 'bigint' || Number.isInteger(id)) || Number(id) < 0,
    );
    if (wrong !== undefined) {
      throw new TraceError(
        `tokenizer.decode takes ids of tokens, whole numbers from 0 on, not ${String(wrong)}.`,
        callerSite(),
      );
    }
    // As in transformers, an id without a token is no text: a model may have more logits than there are tokens.
    const known = ids.filter((id) => this.id_to_token(Number(id)) !== undefined);
    return known.length === 0 ? '' : super.decode(known, options);
  }
}

function check(call: string, options: unknown, names: readonly string[], more: readonly unknown[]): void {
  const fn = `tokenizer.${call.replace(/\(.*/, '')}`;
  const isObject = typeof options === 'object' && options !== null;
  const wrong = isObject ? unknownOption(fn, options, names) : `${fn} takes its options by their names`;
  if (wrong !== null) throw new TraceError(`${wrong}.`, callerSite());
  if (more.length > 0) throw new TraceError(`tokenizer.${call} takes no more than that.`, callerSite());
}
