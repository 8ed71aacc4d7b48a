import type { Region, Value } from '../graph/types.ts';
import type { Builder } from '../tracing/builder.ts';
import { capture } from '../tracing/forms/capture.ts';
import type { Form } from '../tracing/forms/form.ts';
import { NONE, withContent } from '../tracing/forms/parts.ts';
import { inner } from '../tracing/hidden.ts';
import type { Change, Slot } from '../tracing/journal.ts';
import { isPlainObject } from '../tracing/plain-object.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { MISSING } from '../tracing/slots.ts';
import { Storage } from '../tracing/storage.ts';
import type { Completion } from './completions.ts';
import { checkFixed } from './fixed-slots.ts';
import { formOf, put } from './holding.ts';
import { Merge } from './merge.ts';

/** An iteration that may not take place. */
export interface Iteration {
  readonly reached: Value;
  readonly changes: readonly Change[];
  /** How the loop ends by it. */
  readonly end: Completion;
}

/** Gives everything that iterations changed what it is after the last one that takes place. */
export function mergeSteps(target: Builder, iterations: readonly Iteration[]): void {
  new StepMerge(target, iterations).run();
}

/** A value if a step is reached, else another one. */
export function whereReached(target: Builder, reached: Value, name: string, one: unknown, other: unknown): unknown {
  if (Object.is(one, other)) return one;
  return choose(target, reached, name, capture(target, one, NONE), capture(target, other, NONE));
}

function choose(target: Builder, reached: Value, name: string, one: Form<Value>, other: Form<Value>): unknown {
  const bodies: [Region, Region] = [emptyRegion(), emptyRegion()];
  const merge = new Merge(target, reached, ...bodies);
  const later = merge.values(name, one, other);
  return later(target.addTyped('if', [reached], merge.types, {}, bodies));
}

function emptyRegion(): Region {
  return { parameters: [], nodes: [], results: [] };
}

interface StepChange extends Change {
  readonly reached: Value;
}

class StepMerge {
  private readonly target: Builder;
  /** What happened to each slot, step by step. */
  private readonly history = new Map<Slot, StepChange[]>();
  private readonly slotsOf = new Map<object, Slot[]>();
  private readonly done = new Set<Slot>();

  constructor(target: Builder, iterations: readonly Iteration[]) {
    this.target = target;
    for (const { reached, changes } of iterations) {
      for (const change of changes) {
        const { slot } = change;
        const all = this.history.get(slot) ?? [];
        this.history.set(slot, [...all, { ...change, reached }]);
        if (all.length === 0 && slot.owner)
          this.slotsOf.set(slot.owner, [...(this.slotsOf.get(slot.owner) ?? []), slot]);
      }
    }
  }

  run(): void {
    // The elements of tensors first: whatever holds a tensor takes what it is then.
    const slots = [...this.history.keys()];
    const isTensor = (slot: Slot) => slot instanceof Storage;
    for (const slot of [...slots.filter(isTensor), ...slots]) this.settle(slot);
  }

  /** A slot is settled after all that can be reached through what it holds. */
  private settle(slot: Slot): void {
    if (this.done.has(slot)) return;
    this.done.add(slot);
    const changes = this.history.get(slot)!;
    for (const { before, after } of changes) for (const value of [before, after]) this.settleInside(value, new Set());
    const { before, site } = changes[0]!;
    for (const change of changes) checkFixed(slot, change.before, change.after, 'in a step that may not run', site);
    this.target.site = site;
    let held = before;
    for (const change of changes) held = this.after(slot, change, held);
    this.target.note(slot);
    put(this.target, slot, held);
  }

  private settleInside(value: unknown, seen: Set<object>): void {
    const isHolder = Array.isArray(value) || (typeof value === 'object' && value !== null && isPlainObject(value));
    if (!isHolder || seen.has(value as object)) return;
    seen.add(value as object);
    for (const slot of this.slotsOf.get(value as object) ?? []) this.settle(slot);
    for (const item of Object.values(value as object)) this.settleInside(item, seen);
  }

  /** What a slot holds after a step, reached or not, which held `held` before it. */
  private after(slot: Slot, { before, after, reached }: StepChange, held: unknown): unknown {
    const { target } = this;
    const name = slot.name;
    if (isLonger(after, before) && Array.isArray(held)) {
      const more = after.slice((before as readonly unknown[]).length);
      const [some, none] = [more, []].map((items) => capture(target, items, withContent(NONE, items)));
      const added = choose(target, reached, name, some!, none!);
      return held.concat(added);
    }
    if (Object.is(after, held)) return held;
    return choose(target, reached, name, this.form(slot, after), this.form(slot, held));
  }

  private form(slot: Slot, held: unknown): Form<Value> {
    const isMerged = slot instanceof Storage && held instanceof TensorProxy;
    return formOf(this.target, slot, isMerged ? held[inner].value() : held === MISSING ? undefined : held, NONE);
  }
}

/** Whether an array is another one with more behind it. */
function isLonger(after: unknown, before: unknown): after is readonly unknown[] {
  if (!Array.isArray(after) || !Array.isArray(before) || after.length <= before.length) return false;
  return before.every((item, i) => Object.is(item, after[i]));
}
