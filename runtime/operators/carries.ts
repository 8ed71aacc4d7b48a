import type { TensorType, Value } from '../graph/types.ts';
import { wrap } from '../tracing/apply.ts';
import type { Builder } from '../tracing/builder.ts';
import { build, type Resave } from '../tracing/forms/build.ts';
import { encode, valueLeaves } from '../tracing/forms/encode.ts';
import { type Form, isEqual, typesOf } from '../tracing/forms/form.ts';
import { join } from '../tracing/forms/join.ts';
import { NONE, type Parts } from '../tracing/forms/parts.ts';
import type { Slot } from '../tracing/journal.ts';
import { formOf, put } from './holding.ts';

/** How a value goes through the iterations of a loop node, as tensors. */
export class Carry {
  readonly name: string;
  private readonly target: Builder;
  private form: Form<unknown>;

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

  encode(value: Form<Value>): Value[] {
    return encode(value, this.form, valueLeaves(this.target));
  }

  decode(values: readonly Value[], resave: Resave): unknown {
    return build(this.target, this.form, values.values(), this.name, resave);
  }
}

/** How a slot goes through them. */
export class SlotCarry extends Carry {
  readonly slot: Slot;
  private readonly builder: Builder;

  /** @param made what the body made */
  constructor(target: Builder, slot: Slot, before: unknown, after: unknown, made: Parts) {
    super(target, slot.name, formOf(target, slot, before, NONE, true));
    this.builder = target;
    this.slot = slot;
    this.widen(formOf(target, slot, after, made, true));
  }

  /** What the slot holds; `made` is what the code that ran just now made. */
  now(made: Parts): Form<Value> {
    return formOf(this.builder, this.slot, this.slot.get(), made, true);
  }

  /** At the start of the body: the slot holds the parameters. */
  load(parameters: readonly Value[]): void {
    put(
      this.builder,
      this.slot,
      this.decode(parameters, (_, value) => wrap(this.builder, value)),
    );
  }

  /** After the loop. What the body saved has an entry for each iteration. */
  store(outputs: readonly Value[]): void {
    put(
      this.builder,
      this.slot,
      this.decode(outputs, ({ saves }) => saves.at(-1)),
    );
  }
}
