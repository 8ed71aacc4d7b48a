import type { NewToken } from '../runtime/index.ts';
import type { Limits } from './limits.ts';
import type { Refusal } from './refusal.ts';
import type { ServedModel } from './served-model.ts';

/** The form of a request, and of its answer: a trace as bytes or JSON, or a text to be continued, in JSON. */
export type Form = 'bytes' | 'json' | 'completion';

/** What a process has to know of a model. */
export type OpenedModel = Pick<ServedModel, 'path' | 'isLanguage' | 'hash' | 'isRandom'>;

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
  /** To be run one after the other, after those that it was told before. */
  | { readonly kind: 'run'; readonly runs: readonly Run[] }
  /** Of all that it was ever told to run the one at that place. */
  | { readonly kind: 'cancel'; readonly place: number };

/** What is to run. */
export interface Run {
  readonly form: Form;
  /** The same object for those that ask the same to the bit. */
  readonly body: Uint8Array;
  /** Whether to tell how far it is: of one that runs alone. */
  readonly isWatched: boolean;
  /** Whose job it is: its tokens are drawn by that, where they are to be drawn by no other seed. */
  readonly user: string;
  readonly id: string;
}

/** How a run ended in the process of a model. */
export type Ended = { readonly body: Uint8Array } | { readonly refusal: Refusal };

/** What the process of a model tells the server; at ends the bytes of memory that it has, too. */
export type FromProcess =
  | { readonly kind: 'loaded'; readonly refusal: Refusal | null; readonly memory: number }
  | {
      readonly kind: 'ended';
      /** Of those runs that follow the ones that were told of before, in their order. */
      readonly ends: readonly Ended[];
      /** Whether the next one begins now, and is like none that has run here before. */
      readonly isNew: boolean;
      readonly memory: number;
    }
  | { readonly kind: 'progress'; readonly done: number; readonly total: number }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'token'; readonly token: NewToken };

/** What a process tells while it runs. */
export type Told = FromProcess & { readonly kind: 'progress' | 'text' | 'token' };
