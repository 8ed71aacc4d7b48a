import { type Item, readItems } from '../graph/operations/items.ts';
import type { ItemForm } from '../graph/ops.ts';
import type { TensorType, Value } from '../graph/types.ts';

/** A part of a tensor: an index with its operands. */
export interface Part {
  readonly items: readonly ItemForm[];
  readonly operands: readonly Value[];
}

/** Whether a part is found by whole numbers and slices alone: no element is in it twice. */
export function isPlain({ items }: Part): boolean {
  return items.every(({ kind }) => kind !== 'index' && kind !== 'mask');
}

/** Whether two parts of one tensor are the same, as far as this run's numbers tell. */
export function isSamePart(a: Part, b: Part): boolean {
  return (
    JSON.stringify(a.items) === JSON.stringify(b.items) &&
    a.operands.every((operand, i) => operand === b.operands[i] || isSameNumber(operand.type, b.operands[i]!.type))
  );
}

/** Whether two parts of a tensor of some shape have no element in common, as far as this run's numbers tell. */
export function areApart(a: Part, b: Part, shape: readonly number[]): boolean {
  const [ones, others] = [itemsOf(a), itemsOf(b)];
  for (const [i, size] of shape.entries()) {
    const [one, other] = [ones[i], others[i]];
    if (!one || !other || !takesDimension(one) || !takesDimension(other)) return false;
    const [first, second] = [rangeOf(one, size), rangeOf(other, size)];
    if (first && second && (first[1] <= second[0] || second[1] <= first[0])) return true;
  }
  return false;
}

const itemsOf = ({ items, operands }: Part) =>
  readItems(
    items,
    operands.map(({ type }) => type),
  );

const takesDimension = ({ kind }: Item<TensorType>) => kind === 'int' || kind === 'slice';

/** The positions that an item takes of a dimension, from one up to another one; null if that is not known. */
function rangeOf(item: Item<TensorType>, size: number): readonly [number, number] | null {
  const position = (bound: TensorType) => {
    const at = numberOf(bound);
    return at !== null && at < 0 ? at + size : at;
  };
  if (item.kind === 'int') {
    const at = position(item.index);
    return at === null ? null : [at, at + 1];
  }
  if (item.kind !== 'slice' || item.step !== null) return null;
  const [start, stop] = [item.start ? position(item.start) : 0, item.stop ? position(item.stop) : size];
  return start === null || stop === null ? null : [start, stop];
}

const numberOf = ({ constant }: TensorType) => (constant?.length === 1 ? constant[0]! : null);

const isSameNumber = (a: TensorType, b: TensorType) => numberOf(a) !== null && numberOf(a) === numberOf(b);
