import type { AttributesOf, ItemForm } from '../graph/ops.ts';
import type { TracedTensor, View, ViewOp } from './traced-tensor.ts';

/**
 * How PyTorch lays out a tensor: in the order of its dimensions without gaps, or so far apart are neighbours of each
 * dimension, in elements. Null where it is not known.
 */
export type Layout = 'contiguous' | readonly number[] | null;

/** Views that show all elements in their order. */
const PLAIN: ReadonlySet<ViewOp> = new Set<ViewOp>(['reshape', 'flatten', 'squeeze', 'unsqueeze', 'detach']);

/** How a tensor lies in memory. What modules give is taken for contiguous. */
export function layoutOf(tensor: TracedTensor): Layout {
  if (tensor.storage) return tensor.storage.layout;
  const view = tensor.viewOf!;
  const parent = layoutOf(view.parent);
  const isPlain = PLAIN.has(view.op);
  if (parent === 'contiguous' && (isPlain || isStretch(view))) return 'contiguous';
  const [from, to] = [sizesOf(view.parent), sizesOf(tensor)];
  if (parent === null || !from || !to) return null;
  const strides = parent === 'contiguous' ? packed(from) : parent;
  const found = stridesOf(view, strides, from, to);
  return found && isPacked(found, to) ? 'contiguous' : found;
}

/** Whether PyTorch's reshape of a tensor to other sizes copies it; null where that is not known. */
export function copiesOnReshape(tensor: TracedTensor, to: readonly unknown[] | null): boolean | null {
  const layout = layoutOf(tensor);
  if (layout === 'contiguous') return false;
  const from = sizesOf(tensor);
  return layout && from && isKnown(to) ? reshaped(from, layout, to) === null : null;
}

/** How the result of an element-wise operation lies: PyTorch keeps the order in which the elements of its operands lie. */
export function layoutOfResult(operands: readonly TracedTensor[]): Layout {
  const others = operands.filter((operand) => !isInOrder(operand));
  if (others.length === 0) return 'contiguous';
  const [one] = others as [TracedTensor];
  const isAlone = operands.every((operand) => operand === one || sizesOf(operand)?.length === 0);
  const [layout, sizes] = [layoutOf(one), sizesOf(one)];
  return isAlone && layout && layout !== 'contiguous' && sizes && isDense(layout, sizes) ? layout : null;
}

/** Whether elements lie in the order of the dimensions, perhaps with gaps. */
function isInOrder(tensor: TracedTensor): boolean {
  const layout = layoutOf(tensor);
  if (layout === 'contiguous') return true;
  const sizes = sizesOf(tensor);
  if (!layout || !sizes) return false;
  const steps = layout.filter((stride, i) => sizes[i] !== 1 && stride !== 0);
  return steps.every((stride, i) => i === 0 || stride <= steps[i - 1]!);
}

/** Whether elements lie side by side, in whatever order of the dimensions. */
function isDense(strides: readonly number[], sizes: readonly number[]): boolean {
  const dims = sizes.map((_, i) => i).filter((i) => sizes[i] !== 1);
  dims.sort((a, b) => strides[a]! - strides[b]!);
  let count = 1;
  return dims.every((dim) => {
    const fits = strides[dim] === count;
    count *= sizes[dim]!;
    return fits;
  });
}

function sizesOf(tensor: TracedTensor): readonly number[] | null {
  const { shape } = tensor.value(false, true).type;
  return isKnown(shape) ? shape : null;
}

function isKnown(shape: readonly unknown[] | null): shape is readonly number[] {
  return shape?.every((size) => typeof size === 'number') ?? false;
}

function packed(sizes: readonly number[]): number[] {
  return sizes.map((_, i) => sizes.slice(i + 1).reduce((count, size) => count * size, 1));
}

function isPacked(strides: readonly number[], sizes: readonly number[]): boolean {
  const wanted = packed(sizes);
  return sizes.includes(0) || strides.every((stride, i) => sizes[i] === 1 || stride === wanted[i]);
}

function stridesOf(
  { op, attributes, operands }: View,
  strides: readonly number[],
  from: readonly number[],
  to: readonly number[],
): readonly number[] | null {
  switch (op) {
    case 'detach':
      return strides;
    case 'permute':
      return attributes.dims.map((dim) => strides.at(dim)!);
    case 'squeeze':
    case 'unsqueeze': {
      // Dimensions of one element come and go.
      const rest = strides.filter((_, i) => from[i] !== 1);
      return to.map((size) => (size === 1 ? 1 : rest.shift()!));
    }
    case 'expand': {
      const added = to.length - from.length;
      return to.map((size, i) => (i < added || from[i - added] !== size ? 0 : strides[i - added]!));
    }
    case 'getitem':
      return sliced(
        attributes,
        operands.map((operand) => operand.value(false, true).type.constant?.[0]),
        strides,
      );
    case 'reshape':
    case 'flatten':
      return reshaped(from, strides, to);
  }
}

/** Whether an index gives elements that lie side by side in a contiguous tensor, whatever its sizes: `x['0, 2:5']`. */
function isStretch({ op, attributes }: View): boolean {
  if (op !== 'getitem') return false;
  const items = attributes.items.filter(({ kind }) => kind !== 'newaxis');
  const first = items.findIndex(({ kind }) => kind !== 'int');
  const [, ...rest] = first < 0 ? [] : items.slice(first);
  const isOfNeighbours = first < 0 || items[first]!.kind === 'ellipsis' || !hasStep(items[first]!);
  return isOfNeighbours && rest.every(isWhole);
}

function hasStep(item: ItemForm): boolean {
  return item.kind !== 'slice' || item.step;
}

function isWhole(item: ItemForm): boolean {
  return item.kind === 'ellipsis' || (item.kind === 'slice' && !item.start && !item.stop && !item.step);
}

/** Of what an index without tensors gives. */
function sliced(
  { items }: AttributesOf<'getitem'>,
  operands: readonly (number | undefined)[],
  strides: readonly number[],
): number[] | null {
  const left = [...strides];
  const given = [...operands];
  const found: number[] = [];
  const taking = items.filter(({ kind }) => kind === 'int' || kind === 'slice').length;
  for (const item of items) {
    if (item.kind === 'newaxis') found.push(1);
    else if (item.kind === 'ellipsis') found.push(...left.splice(0, strides.length - taking));
    else if (item.kind === 'int') {
      left.shift();
      given.shift();
    } else if (item.kind === 'slice') {
      given.splice(0, Number(item.start) + Number(item.stop));
      const step = item.step ? given.shift() : 1;
      if (step === undefined) return null;
      found.push(left.shift()! * step);
    } else return null;
  }
  return [...found, ...left];
}

/**
 * The strides of a view with other sizes; null if there is none, for which PyTorch copies. Dimensions that lie side by side
 * in memory are one, and each such one is divided by itself.
 */
function reshaped(from: readonly number[], strides: readonly number[], to: readonly number[]): number[] | null {
  if (from.includes(0)) return packed(to);
  const found = to.map(() => 1);
  let next = to.length - 1;
  let count = 1;
  let step = strides.at(-1) ?? 1;
  for (let i = from.length - 1; i >= 0; i--) {
    count *= from[i]!;
    const isJoined = i > 0 && (from[i - 1] === 1 || strides[i - 1] === count * step);
    if (isJoined) continue;
    let covered = 1;
    for (; next >= 0 && (covered < count || to[next] === 1); next--) {
      found[next] = covered * step;
      covered *= to[next]!;
    }
    if (covered !== count) return null;
    count = 1;
    step = strides[i - 1] ?? 1;
  }
  return found;
}
