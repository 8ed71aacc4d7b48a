import type { Limits } from './limits.ts';
import type { Refusal } from './refusal.ts';

/** The form of a request, and of its answer: a trace as bytes or JSON, or a text to be continued, in JSON. */
export type Form = 'bytes' | 'json' | 'completion';

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
  | { readonly kind: 'load'; readonly path: string; readonly isLanguage: boolean; readonly opening: Opening }
  | { readonly kind: 'run'; readonly form: Form; readonly body: Uint8Array }
  | { readonly kind: 'cancel' };

/** What the process of a model tells the server. */
export type FromProcess =
  | { readonly kind: 'ready' }
  | { readonly kind: 'progress'; readonly done: number; readonly total: number }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'answer'; readonly body: Uint8Array }
  | { readonly kind: 'refusal'; readonly refusal: Refusal };

/** What a process tells while it runs. */
export type Told = FromProcess & { readonly kind: 'progress' | 'text' };
