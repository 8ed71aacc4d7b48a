import type { Value } from '../graph/types.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { saving } from '../tracing/hidden.ts';
import { isSaved } from '../tracing/saves.ts';

/** What a block returns, without the values of its trace: which of its saves stands where. */
export type ReturnedForm =
  | { readonly kind: 'plain'; readonly value: unknown }
  /** @property when the position of the truth that says whether it is there; null: it is */
  | { readonly kind: 'save'; readonly at: number; readonly when: number | null }
  | { readonly kind: 'array'; readonly items: readonly ReturnedForm[] }
  | { readonly kind: 'object'; readonly fields: readonly (readonly [key: string, field: ReturnedForm])[] };

/**
 * Null of what is more than arrays and objects of saves and plain values, each at one place.
 * @param position the position of a value among those that come back
 * @param seen the arrays and objects that it must not hold
 */
export function formOf(
  returned: unknown,
  position: (value: Value) => number | null,
  seen: Set<object>,
): ReturnedForm | null {
  if (isSaved(returned)) {
    const { state, reached } = returned[saving];
    if (reached !== null || state === null || state === 'pending' || state.kind !== 'single') return null;
    const at = position(state.value);
    const when = state.when && position(state.when);
    return at === null || (state.when && when === null) ? null : { kind: 'save', at, when };
  }
  if (Object(returned) !== returned) return { kind: 'plain', value: returned };
  const object = returned as object;
  if (seen.has(object)) return null;
  seen.add(object);
  const isArray = Array.isArray(object);
  if (Object.getPrototypeOf(object) !== (isArray ? Array.prototype : Object.prototype)) return null;
  if (!Object.isExtensible(object)) return null;
  const keys = Object.keys(object);
  const descriptors = Object.getOwnPropertyDescriptors(object) as Record<string, PropertyDescriptor>;
  // An array has its length besides.
  if (Reflect.ownKeys(object).length !== keys.length + (isArray ? 1 : 0)) return null;
  if (isArray && keys.length !== object.length) return null;
  const fields: [string, ReturnedForm][] = [];
  for (const key of keys) {
    const { writable, configurable, value } = descriptors[key]!;
    const field = writable && configurable ? formOf(value, position, seen) : null;
    if (!field) return null;
    fields.push([key, field]);
  }
  return isArray ? { kind: 'array', items: fields.map(([, item]) => item) } : { kind: 'object', fields };
}

/** The structure anew, with the tensors of a run. */
export function filledForm(form: ReturnedForm, tensors: readonly (Tensor | undefined)[]): unknown {
  switch (form.kind) {
    case 'plain':
      return form.value;
    case 'save': {
      const isThere = form.when === null || Boolean(tensors[form.when]?.item());
      return isThere ? tensors[form.at] : undefined;
    }
    case 'array':
      return form.items.map((item) => filledForm(item, tensors));
    case 'object':
      return Object.fromEntries(form.fields.map(([key, field]) => [key, filledForm(field, tensors)]));
  }
}
