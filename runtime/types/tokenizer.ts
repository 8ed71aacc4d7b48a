/** A text as tokens. */
export interface Encoding {
  readonly ids: number[];
  readonly tokens: string[];
}

/** A model's tokenizer: the members of `@huggingface/tokenizers` that are of use here. */
export interface Tokenizer {
  encode(text: string, options?: { readonly add_special_tokens?: boolean }): Encoding;
  decode(ids: readonly number[], options?: { readonly skip_special_tokens?: boolean }): string;
  token_to_id(token: string): number | undefined;
  id_to_token(id: number): string | undefined;
}
