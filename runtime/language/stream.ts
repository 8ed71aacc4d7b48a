import type { Tokenizer } from '@huggingface/tokenizers';

export interface DecodeOptions {
  /** Leave out tokens such as the end of the text (true, if not given). */
  readonly skipSpecialTokens?: boolean;
}

/** Text that grows token by token. */
export interface TokenStream {
  /** The text that a token adds; empty while a character is not whole yet. */
  push(id: number): string;
  /** The rest at the end: a character that stayed incomplete, as U+FFFD. */
  end(): string;
}

/** The text of tokens, spaces as the tokenizer has them. */
export function decodeTokens(tokenizer: Tokenizer, ids: readonly number[], options: DecodeOptions = {}): string {
  if (ids.length === 0) return '';
  return tokenizer.decode([...ids], {
    skip_special_tokens: options.skipSpecialTokens ?? true,
    // It would remove spaces that were returned already, and spoils code and quotations.
    clean_up_tokenization_spaces: false,
  });
}

/** Decodes tokens as they come: the texts, joined, equal `decodeTokens` of all of them. */
export function createTokenStream(tokenizer: Tokenizer, options: DecodeOptions = {}): TokenStream {
  // A token's text depends on the one before it (a leading space is cut off at the beginning only), so the tokens of
  // the last text are decoded again with those that follow it.
  let last: number[] = [];
  let held: number[] = [];
  const decode = (ids: readonly number[]) => decodeTokens(tokenizer, ids, options);
  const heldText = () => decode([...last, ...held]).slice(decode(last).length);
  const give = (piece: string) => {
    last = held;
    held = [];
    return piece;
  };
  return {
    push(id) {
      held.push(id);
      const piece = heldText();
      return piece === '' || piece.endsWith('\ufffd') ? '' : give(piece);
    },
    end: () => give(heldText()),
  };
}
