import { TraceError } from '../errors.ts';
import type { Region, Value } from '../graph/types.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { toProxy } from './apply.ts';
import { type Builder, builder } from './builder.ts';
import { callerSite } from './caller.ts';
import type { Slot } from './journal.ts';
import { isFilled, joinEntries, type ListValue } from './lists.ts';
import { TensorProxy } from './proxy.ts';

/** What the run will bring back for a save: one tensor, or the entries of the bodies it stands in. */
export type SaveState =
  | { readonly kind: 'single'; readonly value: Value }
  | { readonly kind: 'list'; readonly list: ListValue; readonly loop: boolean };

/** What became of a save after the run: undefined where the branch it stands in did not run. */
export type Result = Tensor | readonly Tensor[] | undefined;

/** A saved value: a proxy while the block runs, the tensor once the trace has run. */
export class SavedProxy extends TensorProxy {
  /** Set by the run. */
  result: { readonly value: Result } | null = null;
  /** Why there is no value after the run, where there is none. */
  absence = 'was saved in a branch that did not run';
  readonly slot: SaveSlot;

  constructor(target: Builder, of: TensorProxy) {
    super(target, of.storage, of.viewOf);
    this.slot = new SaveSlot(target);
    // biome-ignore lint/correctness/noConstructorReturn: after the run the object answers as the tensor it stands for.
    return new Proxy(this, handler);
  }
}

/** Whether and how a value is saved: a slot, since a save may stand in a branch that does not run. */
export class SaveSlot implements Slot {
  readonly name = 'a saved value';
  state: SaveState | 'pending' | null = null;
  readonly builder: Builder;
  /** The body that it stands in. */
  readonly body: Region;

  constructor(target: Builder) {
    this.builder = target;
    this.body = target.region;
  }

  get(): SaveState | 'pending' | null {
    return this.state;
  }

  set(state: unknown): void {
    this.state = state as SaveState | 'pending' | null;
  }
}

/** All saves of a block, in the order of the source. */
const savesOf = new WeakMap<Builder, SavedProxy[]>();

export function saves(target: Builder): readonly SavedProxy[] {
  return savesOf.get(target) ?? [];
}

/**
 * Brings a value back from the run. Inside a trace block only.
 * An array of traced values is saved as one tensor.
 */
export function save(value: unknown): SavedProxy {
  const target = builder();
  const saved = new SavedProxy(target, isFilled(value) ? joinEntries(value) : toProxy(value));
  const list = savesOf.get(target) ?? [];
  savesOf.set(target, list);
  list.push(saved);
  target.note(saved.slot);
  saved.slot.state = 'pending';
  return saved;
}

/** Forgets the saves after the first `count`: those of a body that only ran on trial. */
export function dropSaves(target: Builder, count: number): void {
  savesOf.get(target)?.splice(count);
}

/** The saves of a body that has just run are the values they have at its end. */
export function settleSaves(target: Builder): void {
  for (const saved of saves(target)) {
    if (saved.slot.state === 'pending' && saved.slot.body === target.region) {
      saved.slot.state = { kind: 'single', value: saved.value() };
    }
  }
}

const RESULT_MEMBERS = new Set(['data', 'dims', 'item', 'toArray', 'raw']);

const handler: ProxyHandler<SavedProxy> = {
  get(target, key, receiver) {
    if (key === 'result' || key === 'slot' || key === 'absence') return Reflect.get(target, key);
    if (!target.result) {
      if (typeof key === 'string' && RESULT_MEMBERS.has(key)) {
        throw new TraceError(
          `'${key}' of a saved value is read before the trace has run. Read it after \`await model.trace(…)\`.`,
          callerSite(),
        );
      }
      return Reflect.get(target, key, receiver);
    }
    const { value } = target.result;
    if (value === undefined) {
      if (key === 'then' || typeof key === 'symbol') return undefined;
      throw new TraceError(
        `'${key}' is read of a value that ${target.absence}. Return the saved value from the block: there it is undefined.`,
        callerSite(),
      );
    }
    const member = Reflect.get(value, key, value);
    return typeof member === 'function' ? member.bind(value) : member;
  },
  set(target, key, value, receiver) {
    return key === 'result' || key === 'absence'
      ? Reflect.set(target, key, value)
      : Reflect.set(target, key, value, receiver);
  },
};
