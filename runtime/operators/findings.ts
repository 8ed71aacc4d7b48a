import type { Site, TensorType, Value } from '../graph/types.ts';
import type { Builder } from '../tracing/builder.ts';
import type { Form } from '../tracing/forms/form.ts';
import { NONE } from '../tracing/forms/parts.ts';
import type { Slot } from '../tracing/journal.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { type State, VariableSlot } from '../tracing/slots.ts';
import { Storage } from '../tracing/storage.ts';
import { Carry, SlotCarry } from './carries.ts';
import { formOf } from './holding.ts';

/** What trial runs of a loop's body have shown: what it changes, how it ends and what it saves. */
export class Findings {
  readonly carries = new Map<Slot, SlotCarry>();
  readonly ends: Carry;
  saves: { readonly type: TensorType }[] = [];
  /** The name of the slot that the last trial changed in a new way. */
  unsettled = '';
  /** Variables are the same slots in every trial. */
  readonly variables: readonly VariableSlot[];
  /** Of the loops in the body: by their places, in the order in which the body comes to them. */
  private readonly inner = new Map<string, Findings>();
  private readonly met = new Map<string, number>();

  constructor(target: Builder, state: State | null) {
    this.ends = new Carry(target, 'the end', { kind: 'plain', value: undefined });
    this.variables = state?.names.map((_, index) => new VariableSlot(state, index)) ?? [];
  }

  /** To be called before the body runs once more. */
  begin(): void {
    this.met.clear();
  }

  /**
   * The findings of a loop in the body. They begin with what was found when the body ran before, so that a body is not
   * recorded on trial again at every trial of each loop around it. Saves are found anew: their types are not widened.
   */
  ofInner(target: Builder, site: Site, state: State | null): Findings {
    const place = `${site.file}:${site.line}:${site.column}`;
    const count = this.met.get(place) ?? 0;
    this.met.set(place, count + 1);
    const findings = new Findings(target, state);
    const before = this.inner.get(`${place} ${count}`);
    if (before) findings.goOnFrom(target, before);
    this.inner.set(`${place} ${count}`, findings);
    return findings;
  }

  private goOnFrom(target: Builder, before: Findings): void {
    for (const [slot, { form }] of before.carries) {
      const index = (before.variables as readonly Slot[]).indexOf(slot);
      const now = index < 0 ? slot : this.variables[index]!;
      const held = formOf(target, now, now.get(), NONE, true);
      const carry = new SlotCarry(target, now, renewed(form, held));
      const fits = !carry.widen(held);
      if (fits) this.carries.set(now, carry);
    }
    this.ends.form = before.ends.form;
    for (const [place, inner] of before.inner) this.inner.set(place, inner);
  }

  /** After a trial: forgets of the loops in the body what was found about objects that the trial made, and saves. */
  forget(isMade: (object: object) => boolean): void {
    for (const inner of this.inner.values()) {
      for (const [slot, carry] of inner.carries) {
        const { owner, isOfForward }: Slot = slot;
        const isKnown =
          owner !== undefined || slot instanceof VariableSlot || (slot instanceof Storage && !isOfForward);
        const isOld = isKnown && !isMade(owner ?? slot);
        if (!isOld || !carry.lasts(isMade)) inner.carries.delete(slot);
      }
      if (!inner.ends.lasts(isMade)) inner.ends.form = { kind: 'plain', value: undefined };
      inner.forget(isMade);
    }
  }
}

/** A form in which what the loop left as it was is what stands there now. */
function renewed(form: Form<unknown>, now: Form<Value>): Form<unknown> {
  if (form.kind === 'plain') {
    if (now.kind === 'tensor' && now.proxy && form.value instanceof TensorProxy) return { ...form, value: now.proxy };
    return form;
  }
  if (form.kind === 'array' && now.kind === 'array') {
    const items = form.items.map((item, i) => (now.items[i] ? renewed(item, now.items[i]) : item));
    return { ...form, items };
  }
  if (form.kind === 'record' && now.kind === 'record') {
    const known = new Map(now.fields);
    const fields = form.fields.map(([name, field]) => {
      const held = known.get(name);
      return [name, held ? renewed(field, held) : field] as const;
    });
    return { ...form, fields };
  }
  return form;
}
