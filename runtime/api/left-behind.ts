import type { Value } from '../graph/types.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Builder } from '../tracing/builder.ts';
import { inner } from '../tracing/hidden.ts';
import type { Slot } from '../tracing/journal.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { isSaved } from '../tracing/saves.ts';
import { settled, varyingOf } from '../tracing/varying.ts';

/**
 * What variables from outside hold when the block is over. Code after the trace asks them as JavaScript does, so that they
 * get what the run decided: one of several values, or the number that a number has become.
 */
export class LeftBehind {
  private readonly found: readonly { readonly slot: Slot; readonly held: unknown; readonly values: readonly Value[] }[];

  constructor(target: Builder) {
    this.found = [...target.outside].flatMap(([slot, before]) => {
      const held = slot.get();
      const values = valuesOf(target, held, before).filter((value) => target.visible(value));
      return values.length > 0 ? [{ slot, held, values }] : [];
    });
  }

  /** What the run has to tell. */
  get values(): readonly Value[] {
    return this.found.flatMap(({ values }) => values);
  }

  /** Sets the variables that nothing has set since. */
  settle(at: (value: Value) => Tensor | undefined): void {
    for (const { slot, held, values } of this.found) {
      if (slot.get() !== held) continue;
      if (varyingOf(held)) slot.set(settled(held));
      else {
        const number = at(values[0]!)?.item();
        if (number !== undefined) slot.set(typeof number === 'bigint' ? Number(number) : number);
      }
    }
  }
}

function valuesOf(target: Builder, held: unknown, before: unknown): readonly Value[] {
  const varying = varyingOf(held);
  if (varying) return varying.builder === target ? varying.cases.map(({ test }) => test) : [];
  const wasNumber = typeof before === 'number' || typeof before === 'boolean';
  const isNumber =
    held instanceof TensorProxy &&
    !isSaved(held) &&
    held[inner].builder === target &&
    held[inner].type.shape?.length === 0;
  return wasNumber && isNumber ? [held[inner].value()] : [];
}
