import { OperationError } from '../graph/operation.ts';
import { flattenNested } from './nested.ts';
import { type Selection, selectedPositions, selectItems } from './selection.ts';
import type { SliceItem } from './slices.ts';

/** What an index with lists in it takes of a row-major tensor. */
export interface ListSelection {
  readonly dims: readonly number[];
  /** The places of the elements, in the order of the result. */
  readonly positions: readonly number[];
}

/** The positions that a list names along one dimension or, by truth values, along several. */
interface Picked {
  readonly dims: readonly number[];
  /** The dims of a list of truth values; null of positions. */
  readonly mask: readonly number[] | null;
  /** For each dimension that the list stands for. */
  readonly axes: readonly (readonly number[])[];
}

/**
 * PyTorch's advanced indexing: lists are broadcast together; their dimensions stand where the first list stands, or in
 * front if something else is between the lists. What integers select is taken first.
 */
export function selectLists(dims: readonly number[], given: readonly SliceItem[]): ListSelection {
  const items = given.map((item) => (item.kind === 'list' ? pick(item.entries) : item));
  checkMasks(dims, items);
  const picks = items.filter((item) => 'axes' in item);
  const shape = picks.map((picked) => picked.dims).reduce(broadcast, []);
  const count = shape.reduce((product, size) => product * size, 1);
  // One list entry after the other selects as integers do.
  const selections = Array.from({ length: Math.max(count, 1) }, (_, i): Selection => {
    const at = (picked: Picked) => (count === 0 ? 0 : place(picked.dims, shape, i));
    return selectItems(
      dims,
      items.flatMap((item) =>
        'axes' in item ? item.axes.map((axis) => ({ kind: 'int' as const, value: axis[at(item)] ?? 0 })) : [item],
      ),
    );
  });
  const rest = selections[0]!.dims;
  const front = items.filter((item) => !('kind' in item && item.kind === 'int'));
  const first = front.findIndex((item) => 'axes' in item);
  const isTogether = front
    .slice(first, front.findLastIndex((item) => 'axes' in item) + 1)
    .every((item) => 'axes' in item);
  const after = front.slice(first).filter((item) => !('axes' in item));
  const hasEllipsis = items.some((item) => 'kind' in item && item.kind === 'ellipsis');
  // Whole dimensions that are not written follow, unless an ellipsis before says where they are.
  const before =
    hasEllipsis && !after.some((item) => 'kind' in item && item.kind === 'ellipsis')
      ? rest.length - after.length
      : first;
  const split = isTogether ? before : 0;
  const inner = rest.slice(split).reduce((product, size) => product * size, 1);
  const outer = rest.slice(0, split).reduce((product, size) => product * size, 1);
  const places = count === 0 ? [] : selections.map(selectedPositions);
  const positions: number[] = [];
  for (let o = 0; o < outer; o++) {
    for (const own of places) for (const one of own.subarray(o * inner, (o + 1) * inner)) positions.push(one);
  }
  return { dims: [...rest.slice(0, split), ...shape, ...rest.slice(split)], positions };
}

function pick(entries: Extract<SliceItem, { kind: 'list' }>['entries']): Picked {
  const { dims, values, dtype } = flattenNested(entries);
  const list = Array.from(values, Number);
  if (dtype !== 'bool') return { dims, mask: null, axes: [list] };
  const places = list.flatMap((is, i) => (is ? [i] : []));
  const axes = dims.map((size, dim) => {
    const stride = dims.slice(dim + 1).reduce((product, one) => product * one, 1);
    return places.map((i) => Math.floor(i / stride) % size);
  });
  return { dims: [places.length], mask: dims, axes };
}

/** Throws for a mask of another size than what it selects from. */
function checkMasks(dims: readonly number[], items: readonly (SliceItem | Picked)[]): void {
  const taken = items.map((item) =>
    'axes' in item ? item.axes.length : item.kind === 'newaxis' || item.kind === 'ellipsis' ? 0 : 1,
  );
  const rest = dims.length - taken.reduce((sum, one) => sum + one, 0);
  let axis = 0;
  items.forEach((item, i) => {
    if ('axes' in item) {
      const at = axis;
      const wrong = item.mask?.findIndex((size, dim) => size !== dims[at + dim]) ?? -1;
      if (wrong >= 0) {
        throw new OperationError(
          `The shape of the mask [${item.mask!.join(', ')}] at index ${wrong} does not match the shape of the indexed tensor [${dims.join(', ')}] at index ${at + wrong}`,
        );
      }
    }
    axis += !('axes' in item) && item.kind === 'ellipsis' ? rest : taken[i]!;
  });
}

function broadcast(a: readonly number[], b: readonly number[]): readonly number[] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, i, rank = Math.max(a.length, b.length)) => {
    const [m, n] = [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1];
    if (m === n || n === 1) return m;
    if (m === 1) return n;
    throw new OperationError(
      `shape mismatch: indexing tensors could not be broadcast together with shapes [${a.join(', ')}], [${b.join(', ')}]`,
    );
  });
}

/** Where the `i`th element of the broadcast shape stands in a list. */
function place(dims: readonly number[], shape: readonly number[], i: number): number {
  let at = 0;
  let [stride, left] = [1, i];
  for (let dim = shape.length - 1; dim >= 0; dim--) {
    const size = dims[dim - shape.length + dims.length] ?? 1;
    if (size > 1) at += (left % shape[dim]!) * stride;
    stride *= size;
    left = Math.floor(left / shape[dim]!);
  }
  return at;
}
