import type { Region, Value } from '../graph/types.ts';
import type { Slot } from './journal.ts';
import type { Layout } from './layout.ts';
import { checkSure } from './shared-perhaps.ts';

/**
 * The memory of one tensor, as PyTorch has it: proxies that are views of one another share it, and slice assignment
 * changes its content. The graph has only plain values; the content says which of them the tensor is now.
 */
export class Storage implements Slot {
  readonly name = 'a tensor';
  #content: Value;
  /** The region it was made in: outside of it, the storage cannot be reached. */
  readonly region: Region;

  readonly isOfForward: boolean;
  /** Why it must not be changed in place, where it must not: it is a copy, and nobody would see the change. */
  unchangeable: string | null = null;
  /** How its elements lie. */
  layout: Layout = 'contiguous';
  readonly #isOurs = true;

  /** @param isOfForward whether a model makes it */
  constructor(content: Value, region: Region, isOfForward = false) {
    this.isOfForward = isOfForward;
    this.#content = content;
    this.region = region;
  }

  /** A Proxy of the user's is not asked: its traps may have effects. */
  static [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && #isOurs in value;
  }

  /** @throws TraceError if only the run knows whether it was changed */
  get content(): Value {
    checkSure(this.#content);
    return this.#content;
  }

  set content(content: Value) {
    this.#content = content;
  }

  get(): Value {
    return this.#content;
  }

  set(content: unknown): void {
    this.#content = content as Value;
  }
}
