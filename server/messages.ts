import type { Limits } from './limits.ts';
import type { Refusal } from './refusal.ts';

/** The form of a request, and of its answer. */
export type Form = 'bytes' | 'json';

/** What the server tells the process of a model. */
export type ToProcess =
  | { readonly kind: 'load'; readonly path: string; readonly isLanguage: boolean; readonly limits: Limits }
  | { readonly kind: 'run'; readonly form: Form; readonly body: Uint8Array }
  | { readonly kind: 'cancel' };

/** What the process of a model tells the server. */
export type FromProcess =
  | { readonly kind: 'ready' }
  | { readonly kind: 'progress'; readonly done: number; readonly total: number }
  | { readonly kind: 'answer'; readonly body: Uint8Array }
  | { readonly kind: 'refusal'; readonly refusal: Refusal };
