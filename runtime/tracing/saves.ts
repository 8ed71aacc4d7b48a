import { TraceError } from '../errors.ts';
import type { Region, TensorType, Value } from '../graph/types.ts';
import { ownProxy } from '../own-proxies.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { toProxy } from './apply.ts';
import { type Builder, builder } from './builder.ts';
import { callerSite } from './caller.ts';
import type { Slot } from './journal.ts';
import { isFilled, joinEntries, type ListValue } from './lists.ts';
import { TensorProxy } from './proxy.ts';
import { settled, uses, varyingOf } from './varying.ts';

/** The values that the run will bring back for a save: one tensor, or the entries of the bodies that it is in. */
export type SaveState =
  /** `when` says whether there is a value; null: always. */
  | { readonly kind: 'single'; readonly value: Value; readonly when: Value | null }
  | { readonly kind: 'list'; readonly list: ListValue; readonly loop: boolean };

/** The result of a save after the run: undefined if the branch that it is in did not run. */
export type Result = Tensor | readonly Tensor[] | undefined;

/** A saved value: a proxy while the block runs, the tensor once the trace has run. */
export class SavedProxy extends TensorProxy {
  /** Set by the run. */
  result: { readonly value: Result } | null = null;
  /** Whether the generation gets to the step that it stands in; null: it does. */
  readonly reached: Value | null;
  /** Why there is no value after the run, if there is none. */
  absence = 'was saved in a branch that did not run';
  readonly slot: SaveSlot;

  constructor(target: Builder, of: TensorProxy, when: Value | null = null, merged: readonly SavedProxy[] = []) {
    super(target, of.storage, of.viewOf);
    this.reached = target.reached;
    this.slot = new SaveSlot(target, of.type, when, merged);
    // biome-ignore lint/correctness/noConstructorReturn: after the run the object answers as the tensor it stands for.
    return ownProxy(this, handler);
  }
}

/** Whether and how a value is saved: a slot, since a save may stand in a branch that does not run. */
export class SaveSlot implements Slot {
  readonly name = 'a saved value';
  state: SaveState | 'pending' | null = null;
  readonly builder: Builder;
  /** The body that it stands in. */
  readonly body: Region;
  readonly type: TensorType;
  /** Whether there is a value where the code that made it runs; null: always. */
  readonly when: Value | null;
  /** The saves that it stands for, after a conditional. */
  readonly merged: readonly SavedProxy[];
  /** What it was at the end of its body. */
  value: Value | null = null;

  constructor(target: Builder, type: TensorType, when: Value | null, merged: readonly SavedProxy[]) {
    this.merged = merged;
    this.builder = target;
    this.body = target.region;
    this.type = type;
    this.when = when;
  }

  get(): SaveState | 'pending' | null {
    return this.state;
  }

  set(state: unknown): void {
    this.state = state as SaveState | 'pending' | null;
  }
}

/**
 * Brings a value back from the run. Inside a trace block only.
 * An array of traced values is saved as one tensor. What may be undefined or null comes back as that where it is.
 */
export function save(value: unknown): SavedProxy {
  const varying = varyingOf(settled(value));
  const saveOne = (one: unknown) => (one === undefined || one === null ? one : save(one));
  if (varying?.builder.open) return uses.distribute(varying, saveOne) as SavedProxy;
  return register(new SavedProxy(builder(), isFilled(value) ? joinEntries(value) : toProxy(value)));
}

/**
 * Brings a value back that was saved in bodies of a conditional or steps of a generation.
 * @param when whether there is one; null: always
 * @param merged the saves that were made there
 */
export function saveMerged(target: Builder, value: TensorProxy, when: Value | null, merged: readonly SavedProxy[]) {
  return register(new SavedProxy(target, value, when, merged));
}

function register(saved: SavedProxy): SavedProxy {
  const { builder, slot } = saved;
  builder.saves.add(saved);
  builder.note(slot);
  slot.state = 'pending';
  return saved;
}

/** The first of several saves that has a result after the run, else the first one; undefined if there are no saves. */
export function ranSave(cases: readonly { readonly value: unknown }[]): SavedProxy | undefined {
  const all = cases.flatMap(({ value }) => (value instanceof SavedProxy ? [value] : []));
  return all.find((saved) => saved.result?.value !== undefined) ?? all[0];
}

const RESULT_MEMBERS = new Set(['data', 'dims', 'item', 'toArray', 'raw']);

const handler: ProxyHandler<SavedProxy> = {
  get(target, key, receiver) {
    if (key === 'result' || key === 'slot' || key === 'reached' || key === 'absence') return Reflect.get(target, key);
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
