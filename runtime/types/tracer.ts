import type { DType } from '../graph/types.ts';
import type { AtIndex } from '../tensor/at-index.ts';
import type { AnyTensor, Tensor } from '../tensor/tensor.ts';
import type { Operand, Saved, Traced } from './tensor.ts';

/** The dtype and dims of the result of a function given to `apply`, if they differ from its first tensor's, and its derivative. */
export interface ApplyResult {
  readonly dtype?: DType;
  /** Sizes; null for one that may vary. */
  readonly dims?: readonly (number | null)[];
  /**
   * Its derivative: of the gradient by what the function returned, and of the tensors that it was given, the gradients by
   * these, in order, each of its tensor's dtype and dims; undefined for one that has none. For one tensor: its gradient.
   */
  // biome-ignore lint/suspicious/noExplicitAny: as many tensors as the function was given.
  readonly backward?: (gradient: Tensor, ...tensors: any[]) => unknown;
}

/** A real tensor for each traced one, in a function given to `apply`. */
export type Real<T extends readonly unknown[]> = { [K in keyof T]: Tensor };

/** The result of a function given to `apply`: a tensor, a number, numbers in arrays; or a promise of it. */
export type Applied = AnyTensor | number | readonly unknown[];

export interface CacheOptions {
  /**
   * The modules to keep, as paths (or aliases) or as modules themselves, or a function of their paths; all unless given.
   * What is kept has the name that is given here.
   */
  readonly modules?: readonly (string | { readonly path: string })[] | ((path: string) => boolean);
  /** Whether outputs are kept: they are unless this is false. */
  readonly outputs?: boolean;
  /** Whether inputs are kept, too. */
  readonly inputs?: boolean;
  /** The positions that are kept, in dimension 1: one, which takes the dimension away, several, or a slice (`'-3:'`). */
  readonly positions?: number | readonly number[] | string;
  /** Whether the gradients of the backward pass that was opened last are kept, too: undefined for what the loss does not depend on, and for whole numbers. */
  readonly gradients?: boolean;
}

/**
 * Activations by the path of their module: by the name that it was chosen by, by any other path, and as modules are,
 * `cache.transformer.h[0].output`.
 */
export type Cache<Entry = CacheEntry> = Record<string, AtIndex<Entry>>;

/** What is kept of a module, and by further names what is kept of the modules in it. */
export interface CacheEntry {
  output: Saved;
  input?: Saved;
  gradient?: { output: Saved; input?: Saved };
  /** What is kept of each call, of a module that runs several times: in one forward, or in the steps of a generation. The above is of the first. */
  calls?: CacheEntry[];
  // biome-ignore lint/suspicious/noExplicitAny: the names are those of modules, or the above.
  readonly [module: string]: any;
}

/** The same where outputs are not kept. */
export interface CachedInput {
  input: Saved;
  gradient?: { input: Saved };
  calls?: CachedInput[];
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  readonly [module: string]: any;
}

/** The argument of a block: everything about the trace that does not belong to a module. */
export interface Tracer<Input> {
  /** Adds inputs to the batch of a trace without inputs. The block sees and sets their rows alone. */
  invoke<R>(inputs: Input, block: () => R): R;
  /** A block over the whole batch. */
  invoke<R>(block: () => R): R;
  /** Ends the trace here: what is saved later does not come back, and nothing is computed for it. */
  stop(): void;
  /**
   * Runs a function on real tensors in the middle of the forward pass; it may be asynchronous. It returns a tensor like
   * its first one; if its dtype or dims differ, give them as the last argument.
   */
  apply<const T extends readonly Operand[]>(
    fn: (...tensors: Real<T>) => Applied | Promise<Applied>,
    ...tensors: T
  ): Traced;
  apply<const T extends readonly Operand[]>(
    fn: (...tensors: Real<T>) => Applied | Promise<Applied>,
    ...tensors: readonly [...T, ApplyResult]
  ): Traced;
  /** Keeps the inputs of all modules, or of some, as they are at the end of the block. */
  cache(options: CacheOptions & { readonly outputs: false; readonly inputs: true }): Cache<CachedInput>;
  /** Keeps the outputs of all modules, or of some, as they are at the end of the block; in a generation those of every step. */
  cache(options?: CacheOptions): Cache;
}
