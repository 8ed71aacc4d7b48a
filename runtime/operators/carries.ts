import type { TensorType, Value } from '../graph/types.ts';
import { wrap } from '../tracing/apply.ts';
import type { Builder } from '../tracing/builder.ts';
import { build, type Resave } from '../tracing/forms/build.ts';
import { encode, valueLeaves } from '../tracing/forms/encode.ts';
import { type Form, isEqual, typesOf } from '../tracing/forms/form.ts';
import { join } from '../tracing/forms/join.ts';
import { NONE, type Parts } from '../tracing/forms/parts.ts';
import type { Change, Slot } from '../tracing/journal.ts';
import { SavedProxy } from '../tracing/saves.ts';
import { handOnDoubt, perhapsChangedAt } from '../tracing/shared-perhaps.ts';
import { formOf, put } from './holding.ts';

/** How a value goes through the iterations of a loop node, as tensors. */
export class Carry {
  readonly name: string;
  private readonly target: Builder;
  form: Form<unknown>;
  /** What it is at some moment, if that is doubtful: then it is so in every iteration. */
  doubtful: Value | null = null;

  constructor(target: Builder, name: string, form: Form<unknown>) {
    this.target = target;
    this.name = name;
    this.form = form;
  }

  get types(): TensorType[] {
    return typesOf(this.form);
  }

  /** Widens the form so that a value fits into it; false if it did before. */
  widen(value: Form<Value>): boolean {
    const before = this.form;
    this.form = join(before, value);
    return !isEqual(before, this.form);
  }

  /** Whether the form tells of no object that a trial made, and of no save. */
  lasts(isMade: (object: object) => boolean): boolean {
    return isFree(this.form, isMade);
  }

  encode(value: Form<Value>): Value[] {
    const values = encode(value, this.form, valueLeaves(this.target));
    this.doubtful ??= values.find((one) => perhapsChangedAt(one) !== undefined) ?? null;
    return values;
  }

  decode(values: readonly Value[], resave: Resave): unknown {
    return build(this.target, this.form, values.values(), this.name, resave);
  }
}

/** How a slot goes through them. */
export class SlotCarry extends Carry {
  readonly slot: Slot;
  private readonly builder: Builder;

  constructor(target: Builder, slot: Slot, form: Form<unknown>) {
    super(target, slot.name, form);
    this.builder = target;
    this.slot = slot;
  }

  /** @param made what the body made */
  static ofChange(target: Builder, { slot, before, after }: Change, made: Parts): SlotCarry {
    const carry = new SlotCarry(target, slot, formOf(target, slot, before, NONE, true));
    carry.widen(formOf(target, slot, after, made, true));
    return carry;
  }

  /** What the slot holds; `made` is what the code that ran just now made. */
  now(made: Parts): Form<Value> {
    return formOf(this.builder, this.slot, this.slot.get(), made, true);
  }

  /** At the start of the body: the slot holds the parameters. */
  load(parameters: readonly Value[]): void {
    this.handOn(parameters);
    put(
      this.builder,
      this.slot,
      this.decode(parameters, (_, value) => wrap(this.builder, value)),
    );
  }

  private handOn(values: readonly Value[]): void {
    for (const value of this.doubtful ? values : []) handOnDoubt([this.doubtful!], value);
  }

  /** After the loop. What the body saved has an entry for each iteration. */
  store(outputs: readonly Value[]): void {
    this.handOn(outputs);
    put(
      this.builder,
      this.slot,
      this.decode(outputs, ({ saves }) => saves.at(-1)),
    );
  }
}

function isFree(form: Form<unknown>, isMade: (object: object) => boolean): boolean {
  const are = (forms: readonly Form<unknown>[]) => forms.every((one) => isFree(one, isMade));
  switch (form.kind) {
    case 'plain': {
      const { value } = form;
      const isObject = typeof value === 'function' || (typeof value === 'object' && value !== null);
      return !isObject || !(isMade(value) || value instanceof SavedProxy);
    }
    case 'tensor':
      return form.saves.length === 0;
    case 'array':
      return are(form.items) && (!form.rest || isFree(form.rest.entry, isMade));
    case 'record':
      return are(form.fields.map(([, field]) => field));
    case 'cases':
      return are(form.cases.map((one) => one.form));
  }
}
