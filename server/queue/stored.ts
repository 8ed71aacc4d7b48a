import type { Outcome } from '../model-process.ts';
import type { AnswerStore } from './answers.ts';

/** What goes through Redis itself; larger bytes lie in the store. */
const MOST = 2 ** 20;

/** Bytes on their way through Redis, or where they lie. */
export type Stored = { readonly base64: string } | { readonly key: string; readonly size: number };

/** How a job has ended, as Redis keeps it. */
export type StoredOutcome = Extract<Outcome, { readonly refusal: unknown }> | { readonly body: Stored };

export async function storeBytes(bytes: Uint8Array, key: string, store: AnswerStore): Promise<Stored> {
  if (bytes.byteLength <= MOST) return { base64: Buffer.from(bytes).toString('base64') };
  await store.put(key, bytes);
  return { key, size: bytes.byteLength };
}

/** The bytes; null if they were in the store and are not any more. */
export async function storedBytes(stored: Stored, store: AnswerStore): Promise<Uint8Array | null> {
  return 'base64' in stored ? Buffer.from(stored.base64, 'base64') : store.get(stored.key);
}
