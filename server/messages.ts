import type { NewToken } from '../runtime/index.ts';
import type { Limits } from './limits.ts';
import type { Refusal } from './refusal.ts';
import type { ServedModel } from './served-model.ts';

/** The form of a request, and of its answer: a trace as bytes or JSON, or a text to be continued, in JSON. */
export type Form = 'bytes' | 'json' | 'completion';

/** What a process has to know of a model. */
export type OpenedModel = Pick<ServedModel, 'path' | 'isLanguage' | 'hash'>;

/** How models are opened. */
export interface Opening {
  readonly limits: Limits;
  /** A file that exports edits of language models. */
  readonly edits: string | null;
  /** Modules that are imported before. */
  readonly imports: readonly string[];
}

/** What the server tells the process of a model. */
export type ToProcess =
  | {
      readonly kind: 'load';
      readonly model: OpenedModel;
      /** The models that traces may call beside it. */
      readonly others: readonly OpenedModel[];
      readonly opening: Opening;
    }
  | {
      readonly kind: 'run';
      readonly form: Form;
      readonly body: Uint8Array;
      /** Whether to tell how far it is. */
      readonly isWatched: boolean;
      /** What tokens are drawn by that are to be drawn by no other seed. */
      readonly seed: number;
    }
  | { readonly kind: 'cancel' };

/** How something ended in the process of a model. */
export type Ended =
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly body: Uint8Array }
  | { readonly kind: 'refusal'; readonly refusal: Refusal };

/** What the process of a model tells the server; at an end the bytes of memory that it has, too. */
export type FromProcess =
  | { readonly kind: 'progress'; readonly done: number; readonly total: number }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'token'; readonly token: NewToken }
  | (Ended & { readonly memory: number });

/** What a process tells while it runs. */
export type Told = FromProcess & { readonly kind: 'progress' | 'text' | 'token' };
