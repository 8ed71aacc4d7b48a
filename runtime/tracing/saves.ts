import { TraceError } from '../errors.ts';
import type { Region, TensorType, Value } from '../graph/types.ts';
import { isOwnProxy, ownProxy } from '../own-proxies.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { toProxy } from './apply.ts';
import { activeBuilder, type Builder, builder } from './builder.ts';
import { callerSite } from './caller.ts';
import { inner, saving } from './hidden.ts';
import type { Slot } from './journal.ts';
import { GraphEntries, type ListValue } from './lists.ts';
import { isPlainObject } from './plain-object.ts';
import { TensorProxy } from './proxy.ts';
import { saveTexts } from './texts.ts';
import { TracedTensor } from './traced-tensor.ts';
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
  readonly [saving]: SaveSlot;

  constructor(target: Builder, of: TensorProxy, when: Value | null = null, merged: readonly SavedProxy[] = []) {
    super(new TracedTensor(target, of[inner].storage, of[inner].viewOf));
    this[saving] = new SaveSlot(target, of[inner].type, when, merged);
    // biome-ignore lint/correctness/noConstructorReturn: after the run the object answers as the tensor it stands for.
    return ownProxy<SavedProxy>(Object.create(SHOWN), handler(this));
  }
}

/** Whether and how a value is saved: a slot, since a save may stand in a branch that does not run. */
export class SaveSlot implements Slot {
  readonly name = 'a saved value';
  /** Set by the run. */
  result: { readonly value: Result } | null = null;
  /** Why there is no value after the run, if there is none. */
  absence = 'was saved in a branch that did not run';
  /** Whether the generation gets to the step that it stands in; null: it does. */
  readonly reached: Value | null;
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
    this.reached = target.reached;
  }

  get(): SaveState | 'pending' | null {
    return this.state;
  }

  set(state: unknown): void {
    this.state = state as SaveState | 'pending' | null;
  }
}

/**
 * Brings a value back from the run. Inside a trace block only. Of an array or a plain object each value that it holds
 * comes back. What may be undefined or null comes back as that where it is.
 */
export function save(value: unknown): unknown {
  const varying = varyingOf(settled(value));
  const saveOne = (one: unknown) => (one === undefined || one === null ? one : save(one));
  if (varying?.builder.open) return uses.distribute(varying, saveOne);
  const parts = partsOf(value);
  if (!parts) return saveTexts(value) ?? saveTensor(value);
  const saved = parts(saveHeld);
  if (holdsEntries(saved)) builder().made(saved as object);
  return saved;
}

/** Brings one tensor back. */
export function saveTensor(value: unknown): SavedProxy {
  return register(new SavedProxy(builder(), toProxy(value)));
}

/** Whether an array or object holds entries that only the run knows: a branch gives its content on, not only the object. */
function holdsEntries(value: unknown): boolean {
  if (value instanceof GraphEntries) return true;
  return (
    (Array.isArray(value) || (isPlainObject(value) && !isOwnProxy(value))) && Object.values(value).some(holdsEntries)
  );
}

/** What an array or object holds: what is no tensor, a text or nothing, is what it is. */
function saveHeld(value: unknown): unknown {
  if (value instanceof GraphEntries) return value.kept();
  return value === undefined || value === null || typeof value === 'string' ? value : save(value);
}

/** An array or plain object made anew of what it holds; null for all else. */
function partsOf(value: unknown): ((change: (part: unknown) => unknown) => unknown) | null {
  if (Array.isArray(value)) {
    checkArray(value);
    return (change) => Array.from({ length: value.length }, (_, i) => change(value[i]));
  }
  // A cache looks like an object, but is filled later on, and saved anyway.
  if (!isPlainObject(value)) return null;
  if (isOwnProxy(value)) return () => value;
  const keys = Reflect.ownKeys(value).filter((key) => Object.prototype.propertyIsEnumerable.call(value, key));
  return (change) => Object.fromEntries(keys.map((key) => [key, change(Reflect.get(value, key))]));
}

/** What comes back is an array with its elements. @throws TraceError for one that is more than that */
function checkArray(value: readonly unknown[]): void {
  // the prototype of all arrays, of whichever realm, is one itself
  const isPlain = Array.isArray(Object.getPrototypeOf(value));
  const named = Object.keys(value).find((key) => String(Number(key)) !== key);
  if (isPlain && named === undefined) return;
  throw new TraceError(
    `${isPlain ? `An array with the property '${named}'` : 'An array of a class of its own'} cannot be saved: what comes back is an array with its elements alone. Save them, or an object with them.`,
    callerSite(),
  );
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
  const {
    [inner]: { builder },
    [saving]: slot,
  } = saved;
  builder.saves.add(saved);
  builder.note(slot);
  slot.state = 'pending';
  return saved;
}

const RESULT_MEMBERS = new Set(['data', 'dims', 'item', 'toArray', 'raw']);

/** Whether a value was given by save(), in this trace or another one, and before the run or after it. */
export function isSaved(value: unknown): value is SavedProxy {
  return typeof value === 'object' && isOwnProxy(value) && (value as Partial<SavedProxy>)[saving] !== undefined;
}

/** What Node prints of a proxy is asked of what stands behind it. */
const SHOWN = {
  [Symbol.for('nodejs.util.inspect.custom')](this: object): string {
    return String(this);
  },
};

/** Before the run it answers as the traced tensor, after it as the tensor (or list of them) that it has become. */
function handler(saved: SavedProxy): ProxyHandler<object> {
  const save = saved[saving];
  const now = () => save.result?.value ?? saved;
  const absent = (key: PropertyKey) =>
    new TraceError(
      `'${String(key)}' is read of a value that ${save.absence}. Return the saved value from the block: there it is undefined.`,
      callerSite(),
    );
  return {
    get(_, key, receiver) {
      if (key === saving) return save;
      if (!save.result) {
        if (typeof key === 'string' && RESULT_MEMBERS.has(key)) {
          throw new TraceError(
            `'${key}' of a saved value is read before the trace has run. Read it after \`await model.trace(…)\`.`,
            callerSite(),
          );
        }
        return Reflect.get(saved, key, receiver);
      }
      const { value } = save.result;
      if (value === undefined) {
        if (key === 'then' || typeof key === 'symbol') return undefined;
        throw absent(key);
      }
      if (!(key in value) && key in TensorProxy.prototype) return tracedMember(value, key);
      const member = Reflect.get(value, key, value);
      return typeof member === 'function' ? member.bind(value) : member;
    },
    set(_, key, value) {
      if (!save.result?.value) return Reflect.set(saved, key, value);
      if (activeBuilder()) {
        throw new TraceError(
          'A tensor that was saved in an earlier trace is data here, which a trace does not change. Change a clone() of it.',
          callerSite() ?? builder().site,
        );
      }
      return Reflect.set(save.result.value, key, value);
    },
    has(_, key) {
      if (save.result && !save.result.value) throw absent(key);
      return Reflect.has(now(), key);
    },
    deleteProperty: (_, key) => Reflect.deleteProperty(now(), key),
    // What is not there is no tensor, and no traced one either.
    getPrototypeOf: () => (save.result ? Reflect.getPrototypeOf(save.result.value ?? {}) : SavedProxy.prototype),
    ownKeys: () => Reflect.ownKeys(now()),
    getOwnPropertyDescriptor(_, key) {
      const descriptor = Reflect.getOwnPropertyDescriptor(now(), key);
      return descriptor && { ...descriptor, configurable: true };
    },
  };
}

/** A method of traced tensors, of a tensor that came back: another trace computes with it. */
function tracedMember(tensor: NonNullable<Result>, key: PropertyKey): unknown {
  if (!activeBuilder()) {
    throw new TraceError(
      `'${String(key)}' is computed by a model's run: call it in a trace block. The tensor here has ${[...RESULT_MEMBERS].join(', ')}.`,
      callerSite(),
    );
  }
  const proxy = toProxy(tensor);
  const member = Reflect.get(proxy, key, proxy);
  return typeof member === 'function' ? member.bind(proxy) : member;
}
