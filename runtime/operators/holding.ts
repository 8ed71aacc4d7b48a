import type { Value } from '../graph/types.ts';
import type { Builder } from '../tracing/builder.ts';
import { capture } from '../tracing/forms/capture.ts';
import type { Form } from '../tracing/forms/form.ts';
import { type Parts, withContent } from '../tracing/forms/parts.ts';
import { inner } from '../tracing/hidden.ts';
import type { Slot } from '../tracing/journal.ts';
import type { TensorProxy } from '../tracing/proxy.ts';
import { ArraySlot } from '../tracing/slots.ts';
import { Storage } from '../tracing/storage.ts';
import type { TracedTensor } from '../tracing/traced-tensor.ts';

/** The value of a slot, now or before, as a form. */
export function formOf(target: Builder, slot: Slot, held: unknown, parts: Parts, isLoop = false): Form<Value> {
  const storage = !(slot instanceof Storage) && held instanceof Storage ? held : null;
  const content = slot instanceof Storage ? (held as Value) : storage?.get();
  if (!content) return capture(target, held, slot instanceof ArraySlot ? withContent(parts, held) : parts, isLoop);
  return {
    kind: 'tensor',
    type: content.type,
    leaf: content,
    proxy: null,
    saves: [],
    ...(storage && { from: [storage] }),
  };
}

/** What a slot that holds `held` makes reachable: of an array its elements, as the list of them is nobody's. */
export function heldIn(slot: Slot, held: unknown): readonly unknown[] {
  return slot instanceof ArraySlot ? (held as readonly unknown[]) : [held];
}

/** What a tensor's slot holds: a tensor's memory its content, a place of the model the memory. */
function memoryOf(target: Builder, slot: Slot, tensor: TracedTensor): Value | Storage {
  const content = tensor.value(false, true);
  return slot instanceof Storage ? content : (tensor.storage ?? target.storage(content));
}

/** Puts a value that was made of a form into its slot. */
export function put(target: Builder, slot: Slot, value: unknown): void {
  const isTensor = slot instanceof Storage || slot.get() instanceof Storage;
  slot.set(isTensor ? memoryOf(target, slot, (value as TensorProxy)[inner]) : value);
}
