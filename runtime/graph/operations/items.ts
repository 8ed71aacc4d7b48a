import { OperationError } from '../operation.ts';
import type { ItemForm } from '../ops.ts';

/** One item of an index, with its operands: types while the graph is checked, names while it is written. */
export type Item<T> =
  | { readonly kind: 'int'; readonly index: T }
  | {
      readonly kind: 'slice';
      readonly start: T | null;
      readonly stop: T | null;
      readonly step: T | null;
      /** How many elements it takes, where that is known although the dimension is not. */
      readonly size: number | null;
    }
  | { readonly kind: 'newaxis' }
  | { readonly kind: 'ellipsis' }
  | { readonly kind: 'index'; readonly index: T }
  | { readonly kind: 'mask'; readonly mask: T };

/** Joins the items of an index with its operands, which come in the order of the items. */
export function readItems<T>(forms: readonly ItemForm[], operands: readonly T[]): readonly Item<T>[] {
  const queue = [...operands];
  const next = (): T => {
    const operand = queue.shift();
    if (operand === undefined) throw new OperationError('An index has fewer operands than its items need.');
    return operand;
  };
  const read = forms.map((form) => readItem(form, next));
  if (queue.length > 0) throw new OperationError('An index has more operands than its items need.');
  if (read.filter((item) => item.kind === 'ellipsis').length > 1) {
    throw new OperationError("an index can only have a single ellipsis ('...'), but has several");
  }
  return read;
}

/** Parts an index into the forms of its items and its operands, in the order of the items; `readItems` joins them again. */
export function writeItems<T>(items: readonly Item<T>[]): { items: readonly ItemForm[]; operands: readonly T[] } {
  const operands: T[] = [];
  const take = (operand: T | null): boolean => {
    if (operand !== null) operands.push(operand);
    return operand !== null;
  };
  const forms = items.map((item): ItemForm => {
    const { kind } = item;
    if (kind === 'slice') {
      return { kind, start: take(item.start), stop: take(item.stop), step: take(item.step), size: item.size };
    }
    if (kind === 'int' || kind === 'index') take(item.index);
    if (kind === 'mask') take(item.mask);
    return { kind };
  });
  return { items: forms, operands };
}

function readItem<T>(form: ItemForm, next: () => T): Item<T> {
  switch (form.kind) {
    case 'int':
    case 'index':
      return { kind: form.kind, index: next() };
    case 'mask':
      return { kind: form.kind, mask: next() };
    case 'slice': {
      const bound = (given: boolean) => (given ? next() : null);
      const { kind, start, stop, step, size } = form;
      return { kind, start: bound(start), stop: bound(stop), step: bound(step), size };
    }
    case 'newaxis':
    case 'ellipsis':
      return { kind: form.kind };
  }
}

/** Whether the item selects by a tensor. */
export function isAdvanced(item: Item<unknown> | ItemForm): boolean {
  return item.kind === 'index' || item.kind === 'mask';
}

/** Whether the item is a slice that takes a whole dimension. */
export function isWhole(item: Item<unknown>): boolean {
  return item.kind === 'slice' && item.start === null && item.stop === null && item.step === null;
}

/**
 * Whether the dimensions of the selecting tensors stay where the first of them stands: numpy moves them to the front if
 * a slice, an ellipsis or a new axis stands between them. An integer beside a selecting tensor counts as one.
 */
export function isAdjacent(items: readonly Item<unknown>[]): boolean {
  const selects = items.map((item) => isAdvanced(item) || item.kind === 'int');
  const [first, last] = [selects.indexOf(true), selects.lastIndexOf(true)];
  return selects.slice(first, last + 1).every(Boolean);
}
