import type { DType } from '../graph/dtypes.ts';
import type { Site } from '../graph/site.ts';

/** An input, an output or a parameter of a bundle. Free sizes are names, or null; dims are null where even their number is free. */
export interface BundleTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly (string | number | null)[] | null;
}

/** An input of the model. */
export interface BundleInput extends BundleTensor {
  /** Whether the model reads it: if not, a caller may give it, and it is ignored. */
  readonly used: boolean;
  /** Of a part of the key-value cache that keeps the last tokens alone: how many. */
  readonly window?: number;
}

/** A parameter of the intervention. */
export interface BundleParameter extends BundleTensor {
  /** Feeds it where a caller leaves it out. Texts stand for what JSON has no numbers for: "NaN", "-0". */
  readonly default?: { readonly dims: readonly number[]; readonly data: readonly (number | string)[] } | undefined;
}

/** The outputs that hold a list whose length only the run tells. */
export interface ListOutputs {
  readonly data: string;
  readonly shapes: string;
  readonly ranks: string;
}

/** How the value that the block returned is made of the model's outputs. */
export type Returns =
  | { readonly kind: 'tensor'; readonly output: string }
  | { readonly kind: 'saved'; readonly list: ListOutputs; readonly loop: boolean }
  | { readonly kind: 'entries'; readonly list: ListOutputs }
  | { readonly kind: 'array'; readonly items: readonly Returns[] }
  | { readonly kind: 'object'; readonly fields: Readonly<Record<string, Returns>> }
  | { readonly kind: 'choice'; readonly test: string; readonly then: Returns; readonly else: Returns }
  | { readonly kind: 'value'; readonly value?: string | number | boolean | null | undefined }
  | { readonly kind: 'number'; readonly value: 'NaN' | 'Infinity' | '-Infinity' | '-0' };

/** A file in the bundle's folder. */
export interface BundleFile {
  readonly path: string;
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
}

/** A model that a bundle was made of. */
interface BundledModel {
  readonly file: string;
  readonly sha256: string;
  readonly opset: number;
}

/** What makes tokens of texts. */
interface BundleTokenizer {
  readonly file: BundleFile;
  readonly config: BundleFile;
  /** The token that fills shorter rows up. */
  readonly pad: number;
  /** How many tokens the model takes; null if it does not tell. */
  readonly longest: number | null;
  /** On which side rows are filled up (on the left unless told); 'none': texts of one batch have one length. */
  readonly side?: 'left' | 'right' | 'none' | undefined;
  /** The token that the decoder of an encoder-decoder begins with. */
  readonly start?: number | undefined;
}

/** What bundle.json says of a bundle. */
export interface Manifest {
  readonly format: 'onnsight-bundle';
  readonly version: 1;
  readonly name: string;
  /** Where the intervention is declared: its file as seen from its package, and that package's name if it has one. */
  readonly source: Site;
  readonly package?: string | undefined;
  /** The model that it was compiled for. */
  readonly model: BundledModel;
  /** The models that the block calls, and the paths at which they are attached. They are inside of the bundle's model. */
  readonly attached?: readonly (BundledModel & { readonly path: string })[] | undefined;
  readonly inputs: readonly BundleInput[];
  readonly parameters: readonly BundleParameter[];
  readonly outputs: readonly BundleTensor[];
  readonly returns: Returns;
  /** The changes that the bundle makes in the model, and their lines. */
  readonly writes: readonly { readonly tensor: string; readonly source: Site | null }[];
  readonly weights: 'link' | 'embed';
  readonly optimized: boolean;
  /** The model first, then the files of its weights. */
  readonly files: readonly BundleFile[];
  readonly tokenizer?: BundleTokenizer | undefined;
}
