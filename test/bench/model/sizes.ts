/** The sizes of a GPT-2. */
export interface Sizes {
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly vocabulary: number;
  readonly positions: number;
}

/** GPT-2 small: 124M parameters. */
export const SMALL: Sizes = { layers: 12, width: 768, heads: 12, vocabulary: 50257, positions: 1024 };

/** For `--quick`: a run of it takes a few milliseconds. */
export const TINY: Sizes = { layers: 4, width: 256, heads: 4, vocabulary: 8192, positions: 256 };
