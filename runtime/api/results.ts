import { TraceError } from '../errors.ts';
import type { Save } from '../graph/graph.ts';
import { type Site, siteOf } from '../graph/site.ts';
import type { Value } from '../graph/types.ts';
import { foldEntries } from '../tensor/entries.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { Builder } from '../tracing/builder.ts';
import { leavesOf, plainValuesOf } from '../tracing/forms/form.ts';
import { inner, saving } from '../tracing/hidden.ts';
import { GraphEntries, type ListValue } from '../tracing/lists.ts';
import { isPlainObject } from '../tracing/plain-object.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { isSaved, type SavedProxy } from '../tracing/saves.ts';
import { isTracedTexts, savedTexts } from '../tracing/texts.ts';
import { settled, type Varying, varyingOf } from '../tracing/varying.ts';
import { type At, entriesBack, isTrue, split } from './entries-back.ts';
import { keptOf } from './kept.ts';
import type { Changed, LeftBehind } from './left-behind.ts';
import { formOf, type ReturnedForm } from './returned-form.ts';
import { Unreadable } from './unreadable.ts';

/** The values that a trace wants back from the run, and the user's own structure that is made of them. */
export class Results {
  private readonly target: Builder;
  private readonly returned: unknown;
  private readonly wanted: Value[] = [];
  private readonly positions = new Map<Value, number>();
  /** For which steps of a generation each is wanted, by the conditions that these are reached; null for all. */
  private readonly steps = new Map<Value, Set<Value | null>>();
  private readonly left: LeftBehind;
  /** The values of modules in branches of the model that did not run. */
  private missing: ReadonlySet<Value> = new Set();

  /** Throws a TraceError if something unsaved is returned. */
  constructor(target: Builder, returned: unknown, left: LeftBehind) {
    this.target = target;
    this.left = left;
    this.returned = returned;
    for (const { [saving]: slot } of target.saves.all) {
      const { reached } = slot;
      if (reached) this.want(reached);
      if (slot.state === null || slot.state === 'pending') continue;
      if (slot.state.kind === 'single') {
        this.want(slot.state.value, reached);
        if (slot.state.when) this.want(slot.state.when, reached);
      } else this.wantList(slot.state.list, reached);
    }
    this.collectAll(returned);
    for (const { cases } of this.varyings) for (const { test } of cases) this.want(test);
    for (const value of left.values) this.want(value);
    for (const [step, value] of target.demands.values) this.want(value, step);
  }

  /** What code may hold when the trace has run: a save, or something else. */
  private get varyings(): Varying[] {
    return this.target.varyings.filter(
      ({ cases }) =>
        cases.some(({ value }) => isSaved(value) && value[saving].state !== null) &&
        cases.every(({ test }) => this.target.scope.visible(test)),
    );
  }

  /** The values to bring back. */
  saves(): Save[] {
    return this.wanted.map((value, i) => ({ name: `save_${i}`, value }));
  }

  /** @param step the condition that the step is reached for which alone it is wanted; null if for something else, too */
  private want(value: Value, step: Value | null = null): void {
    const steps = this.steps.get(value) ?? new Set();
    this.steps.set(value, steps.add(step));
    if (this.positions.has(value)) return;
    this.positions.set(value, this.wanted.length);
    this.wanted.push(value);
  }

  private wantList({ data, shapes, ranks }: ListValue, step: Value | null = null): void {
    for (const value of [data, shapes, ranks]) this.want(value, step);
  }

  /** For each of the saves the conditions that steps of a generation are reached, one of which brings it back; null always does. */
  get wantedSteps(): readonly (readonly (Value | null)[])[] {
    return this.wanted.map((value) => [...this.steps.get(value)!]);
  }

  private collectAll(returned: unknown): void {
    try {
      this.collect(returned, 'the result', new Set());
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new TraceError('The result is nested too deeply to be made anew.', this.target.site, { cause: error });
    }
  }

  private collect(given: unknown, path: string, seen: Set<object>): void {
    const value = settled(given);
    if (isSaved(value) || savedTexts(value)) return;
    if (isTracedTexts(value) || value instanceof TensorProxy || (value instanceof GraphEntries && !value.saved)) {
      throw new TraceError(
        `${path} is a traced tensor that is not saved, so it does not come back. Return save(…) of it.`,
        this.target.site ?? placeOf(value),
      );
    }
    if (value instanceof GraphEntries) {
      for (const list of [value.counter, ...leavesOf(value.form)]) this.wantList(list);
      for (const one of plainValuesOf(value.form)) this.collect(one, path, seen);
      return;
    }
    const varying = varyingOf(value);
    if (varying) {
      for (const one of varying.cases) {
        this.want(one.test);
        this.collect(one.value, path, seen);
      }
      return;
    }
    const kept = keptOf(value);
    if (kept) {
      for (const entry of kept.entries) this.collect(entry, path, seen);
      return;
    }
    if (isUnfinished(value)) {
      throw new TraceError(
        `${path} is ${value instanceof Promise ? 'a promise' : 'a generator'}, but a block is over before the model runs and waits for nothing. Make the block, and what it calls, an ordinary function.`,
        this.target.site,
      );
    }
    if (typeof value !== 'object' || value === null || seen.has(value)) return;
    seen.add(value);
    if (!Array.isArray(value) && !isPlainObject(value)) {
      this.checkHeld(value, path, seen);
      return;
    }
    for (const [key, field] of fieldsOf(value)) {
      const isName = typeof key === 'string' && !Array.isArray(value);
      this.collect(field, isName ? `${path}.${key}` : `${path}[${String(key)}]`, seen);
    }
  }

  /**
   * Refuses values of the trace in objects that come back as they are: instances of classes, Maps and Sets. A save in one
   * can be read after the run.
   */
  private checkHeld(holder: object, path: string, seen: Set<object>): void {
    for (const value of heldBy(holder)) {
      const cases = varyingOf(value)?.cases.map((one) => one.value) ?? [value];
      const isOfTrace = cases.length > 1 || value instanceof TensorProxy || value instanceof GraphEntries;
      const isReadable = cases.every((one) => one === undefined || isSaved(one));
      if (isOfTrace && !isReadable) {
        throw new TraceError(
          `${path} holds a value of the trace, and comes back as it is: only arrays and plain objects are made anew with what the run gives. Return the value itself in one of those, or save() it first.`,
          this.target.site,
        );
      }
      if (typeof value !== 'object' || value === null || isOfTrace || seen.has(value)) continue;
      seen.add(value);
      this.checkHeld(value, path, seen);
    }
  }

  /**
   * The user's result, once the run's tensors are there (in the order of `saves`); undefined for values that were not computed.
   * @param missing the positions of those whose modules are in branches of the model that did not run
   */
  resolve(tensors: readonly (Tensor | undefined)[], missing: ReadonlySet<number>): unknown {
    this.missing = new Set(this.wanted.filter((_, i) => missing.has(i)));
    const at = (value: Value) => (this.missing.has(value) ? undefined : tensors[this.positions.get(value)!]);
    for (const saved of this.target.saves.all) {
      const { state } = saved[saving];
      if (state === null || state === 'pending') saved[saving].result = { value: undefined };
      else if (saved[saving].reached && !isTrue(at(saved[saving].reached))) {
        saved[saving].result = { value: undefined };
        saved[saving].absence = 'was saved in a step that did not run';
      } else if (state.kind === 'single') {
        const isThere = !state.when || isTrue(at(state.when));
        saved[saving].result = { value: isThere ? at(state.value) : undefined };
        if (this.missing.has(state.value))
          saved[saving].absence = 'is of a module in a branch of the model that did not run';
        else if (isThere) saved[saving].absence = 'was saved in a step that did not run';
      } else saved[saving].result = { value: foldEntries(split(state.list, at), state.loop) };
    }
    for (const varying of this.target.varyings) {
      varying.outcome = varying.cases.find(({ test }) => this.positions.has(test) && isTrue(at(test))) ?? null;
    }
    this.left.settle(at);
    return this.build(this.returned, at, new Map());
  }

  /** What the run changes outside of the block, and does not give back. */
  get changed(): readonly Changed[] {
    const given = new Set<unknown>();
    const look = (value: unknown): void => {
      if (typeof value !== 'object' || value === null || given.has(value)) return;
      given.add(value);
      if (Array.isArray(value) || isPlainObject(value)) Object.values(value).forEach(look);
    };
    look(this.returned);
    return this.left.changed.filter(({ owner }) => !owner || !given.has(owner));
  }

  /**
   * What the block returned, without the values of this trace; null where that is more than saves and plain values.
   * @param others the arrays and objects of the program that it may hold, which no copy can stand for
   */
  form(others: ReadonlySet<object>): ReturnedForm | null {
    const { target, left, positions } = this;
    const isMore = target.varyings.length > 0 || target.demands.values.size > 0 || [...left.values].length > 0;
    return isMore ? null : formOf(this.returned, (value) => positions.get(value) ?? null, new Set(others));
  }

  /** Whether only the run tells what something outside holds. */
  get leavesOpen(): boolean {
    return this.left.changed.length > 0;
  }

  /** The run is about to begin. */
  suspend(): void {
    this.left.suspend();
  }

  /** The run has failed. */
  undo(): void {
    this.left.undo();
  }

  /** @param made the copies of arrays and objects: one that stands at several places, or in itself, stays one */
  private build(given: unknown, at: At, made: Map<object, unknown>): unknown {
    // A variable may hold what an earlier trace has left there.
    const value = varyingOf(given)?.builder === this.target ? given : settled(given);
    if (isSaved(value)) return value[saving].result!.value;
    const texts = savedTexts(value);
    if (texts) return texts.tensor;
    const varying = varyingOf(value);
    if (varying) return this.build(varying.cases.find(({ test }) => isTrue(at(test)))?.value, at, made);
    const kept = keptOf(value);
    if (kept) return kept.with((entry) => this.fields(entry, at, made, {}));
    if (!Array.isArray(value) && (value instanceof Tensor || !isPlainObject(value))) return value;
    if (made.has(value)) return made.get(value);
    if (!this.isOfRun(value, new Set())) return value;
    const copy = Array.isArray(value) ? [] : (Object.create(Object.getPrototypeOf(value)) as object);
    made.set(value, copy);
    if (Array.isArray(value)) this.items(value, at, made, copy as unknown[]);
    return likewise(value, this.fields(value, at, made, copy));
  }

  private items(of: readonly unknown[], at: At, made: Map<object, unknown>, copy: unknown[]): void {
    let next = 0;
    of.forEach((item, i) => {
      // holes stay holes
      copy.length += i - next;
      next = i + 1;
      if (item instanceof GraphEntries) {
        const plain = (one: unknown) => this.build(one, at, made);
        for (const entry of entriesBack(item, at, { plain, tensor: (tensor) => tensor })) copy.push(entry);
      }
      // Of a list with an entry per step, the steps that did not run have none.
      else if (!this.isMissing(item, at)) copy.push(this.build(item, at, made));
    });
    copy.length += of.length - next;
  }

  /** All but the items of an array. */
  private fields(of: object, at: At, made: Map<object, unknown>, copy: object): Record<string, unknown> {
    for (const [key, field, property] of fieldsOf(of)) {
      if (Array.isArray(of) && isIndex(key)) continue;
      const { enumerable = true, configurable = true, writable = true } = property;
      const isGetter = !('value' in property) && !this.isOfRun(field, new Set());
      const kept = field instanceof Unreadable ? field.property : isGetter ? property : null;
      const built = () => ({ value: this.build(field, at, made), enumerable, configurable, writable });
      Object.defineProperty(copy, key, kept ?? built());
    }
    return copy as Record<string, unknown>;
  }

  /** Whether the run has a say in a value. An array or object that it has none in is no copy, but the one that the block returned. */
  private isOfRun(value: unknown, seen: Set<object>): boolean {
    if (varyingOf(value) || settled(value) !== value) return true;
    if (isSaved(value) || savedTexts(value) || keptOf(value)) return true;
    if (value instanceof GraphEntries || value instanceof Unreadable) return true;
    const isList = Array.isArray(value);
    if (!isList && (value instanceof Tensor || !isPlainObject(value))) return false;
    if (seen.has(value)) return false;
    seen.add(value);
    // One that the graph has filled has the methods of such.
    if (isList && Object.getPrototypeOf(value) !== Array.prototype) return true;
    const properties = Object.values(Object.getOwnPropertyDescriptors(value) as Record<string, PropertyDescriptor>);
    return properties.some((property) => this.isOfRun(property.value, seen));
  }

  /** Whether a value was saved in this trace in a step that did not run, or is an object of such values. */
  private isMissing(value: unknown, at: At, around: readonly unknown[] = []): boolean {
    if (isSaved(value)) return value[saving].builder === this.target && this.isOfMissingStep(value, at);
    if (!isPlainObject(value) || keptOf(value) || around.includes(value)) return false;
    const fields = Object.values(value);
    return fields.length > 0 && fields.every((field) => this.isMissing(field, at, [...around, value]));
  }

  private isOfMissingStep({ [saving]: { reached, state } }: SavedProxy, at: At): boolean {
    if (reached) return !isTrue(at(reached));
    if (typeof state !== 'object' || state?.kind !== 'single') return false;
    return at(state.value) === undefined && !this.missing.has(state.value);
  }
}

type Field = readonly [key: PropertyKey, value: unknown, property: PropertyDescriptor];

/** What an array or plain object holds, under whatever key: of a getter what it gives, unless it is hidden. */
function fieldsOf(holder: object): Field[] {
  return Reflect.ownKeys(holder).flatMap((key): Field[] => {
    const property = Object.getOwnPropertyDescriptor(holder, key)!;
    const isLength = key === 'length' && Array.isArray(holder);
    const isAsked = !('value' in property) && property.enumerable === true;
    return isLength ? [] : [[key, isAsked ? Reflect.get(holder, key) : property.value, property]];
  });
}

function isIndex(key: PropertyKey): boolean {
  return typeof key === 'string' && /^(0|[1-9]\d*)$/.test(key);
}

/** Takes from the copy what its model does not allow either. */
function likewise<T extends object>(model: object, copy: T): T {
  if (Object.isExtensible(model)) return copy;
  if (Object.isFrozen(model)) return Object.freeze(copy);
  return Object.isSealed(model) ? Object.seal(copy) : Object.preventExtensions(copy);
}

/** What an object holds: the entries of a Map or Set, and its own properties. */
function heldBy(holder: object): unknown[] {
  if (holder instanceof Tensor || ArrayBuffer.isView(holder)) return [];
  const entries = holder instanceof Map ? [...holder].flat() : holder instanceof Set ? [...holder] : [];
  return [...entries, ...Object.values(Object.getOwnPropertyDescriptors(holder)).map(({ value }) => value)];
}

/** Whether a value is the result of an async function or a generator: its body has not run to its end. */
function isUnfinished(value: unknown): boolean {
  return value instanceof Promise || Object.prototype.toString.call(value) === '[object Generator]';
}

/** Where a traced tensor was made: a block that only reads a module has no other line. */
function placeOf(value: unknown): Site | null {
  const made = value instanceof TensorProxy ? value[inner].root.get().node : null;
  return made && siteOf(made);
}
