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

/** Whether two parts of one tensor have no element in common, as far as this run's numbers tell. */
export function areApart(a: Part, b: Part): boolean {
  const [ones, others] = [itemsOf(a), itemsOf(b)];
  for (const [i, one] of ones.entries()) {
    const other = others[i];
    if (!other || !takesDimension(one) || !takesDimension(other)) return false;
    const [first, second] = [rangeOf(one), rangeOf(other)];
    if (first === null || second === null || first[0] < 0 !== second[0] < 0) continue;
    if (first[1] <= second[0] || second[1] <= first[0]) return true;
  }
  return false;
}

const itemsOf = ({ items, operands }: Part) =>
  readItems(
    items,
    operands.map(({ type }) => type),
  );

const takesDimension = ({ kind }: Item<TensorType>) => kind === 'int' || kind === 'slice';

/** The positions that an item takes, from one up to another one, both counted from the same end; null if that is not known. */
function rangeOf(item: Item<TensorType>): readonly [number, number] | null {
  if (item.kind === 'int') {
    const at = numberOf(item.index);
    return at === null ? null : [at, at + 1];
  }
  if (item.kind !== 'slice' || item.step !== null || item.stop === null) return null;
  const [start, stop] = [item.start === null ? 0 : numberOf(item.start), numberOf(item.stop)];
  return start === null || stop === null || start < 0 !== stop < 0 ? null : [start, stop];
}

const numberOf = ({ constant }: TensorType) => (constant?.length === 1 ? constant[0]! : null);

const isSameNumber = (a: TensorType, b: TensorType) => numberOf(a) !== null && numberOf(a) === numberOf(b);
