import { broadcastDims, broadcastShapes } from '../broadcast.ts';
import { type Operation, OperationError, type Operations } from '../operation.ts';
import { isInteger } from '../promotion.ts';
import type { Dim, Shape, TensorType } from '../types.ts';
import { knownNumber, withConstant } from './constants.ts';
import { printShape } from './dims.ts';
import { input } from './inputs.ts';
import { type Item, isAdjacent, isAdvanced, readItems } from './items.ts';

/** How many dimensions of the tensor an item takes, or null where a mask's rank is unknown. */
function consumed(item: Item<TensorType>): number | null {
  if (item.kind === 'newaxis' || item.kind === 'ellipsis') return 0;
  return item.kind === 'mask' ? (item.mask.shape?.length ?? null) : 1;
}

/** The items with the ellipsis, written or implied at the end, spelled out as whole slices. */
function spellOut(items: readonly Item<TensorType>[], rank: number): readonly Item<TensorType>[] | null {
  const counts = items.map(consumed);
  if (counts.includes(null)) return null;
  const taken = (counts as number[]).reduce((sum, count) => sum + count, 0);
  const rest = rank - taken;
  if (rest < 0) throw new OperationError(`too many indices for tensor of dimension ${rank}: ${taken} are given`);
  const whole = Array.from(
    { length: rest },
    () => ({ kind: 'slice', start: null, stop: null, step: null, size: null }) as const,
  );
  const at = items.findIndex((item) => item.kind === 'ellipsis');
  return at < 0 ? [...items, ...whole] : [...items.slice(0, at), ...whole, ...items.slice(at + 1)];
}

/** The shape that numpy's indexing selects. Throws if an index that is known is out of range. */
export function indexShape(shape: Shape, items: readonly Item<TensorType>[]): Shape {
  checkTypes(items);
  if (shape === null) return null;
  const spelled = spellOut(items, shape.length);
  if (spelled === null) return null;
  const advanced = items.some(isAdvanced);
  const result: Dim[] = [];
  const selectors: Shape[] = [];
  let selectedAt: number | null = null;
  let axis = 0;
  for (const item of spelled) {
    const size = shape[axis] ?? null;
    switch (item.kind) {
      case 'newaxis':
        result.push(1);
        break;
      case 'slice':
        result.push(sliceSize(size, item));
        break;
      case 'int':
      case 'index':
        checkBounds(item.index, size, axis);
        break;
      case 'mask':
        checkMask(item.mask, shape, axis);
        break;
    }
    if (advanced && (isAdvanced(item) || item.kind === 'int')) {
      selectedAt ??= result.length;
      selectors.push(item.kind === 'index' ? item.index.shape : item.kind === 'mask' ? [null] : []);
    }
    axis += consumed(item)!;
  }
  if (selectedAt === null) return result;
  const selected = broadcastSelectors(selectors);
  if (selected === null) return null;
  const at = isAdjacent(items) ? selectedAt : 0;
  return [...result.slice(0, at), ...selected, ...result.slice(at)];
}

function checkTypes(items: readonly Item<TensorType>[]): void {
  for (const item of items) {
    const wrong =
      (item.kind === 'mask' && item.mask.dtype !== 'bool') ||
      ((item.kind === 'index' || item.kind === 'int') && !isInteger(item.index.dtype));
    if (wrong) {
      const { dtype } = item.kind === 'mask' ? item.mask : item.index;
      throw new OperationError(
        `tensors used as indices must be integers or bools, but got ${dtype}. Convert it with to('int64')`,
      );
    }
    if (item.kind === 'int' && item.index.shape !== null && item.index.shape.length > 0) {
      throw new OperationError(
        `only integer tensors of a single element can be converted to an index, but got one of dims ${printShape(item.index.shape)}`,
      );
    }
    if (item.kind === 'slice' && knownNumber(item.step ?? undefined) === 0) {
      throw new OperationError('slice step cannot be zero: leave it out, or write 1');
    }
  }
}

function checkBounds(index: TensorType, size: Dim, axis: number): void {
  if (size === null) return;
  const outside = index.constant?.find((element) => element < -size || element >= size);
  if (outside !== undefined) {
    throw new OperationError(
      `index ${outside} is out of bounds for dimension ${axis} with size ${size}: indices run from ${-size} to ${size - 1}`,
    );
  }
}

function checkMask(mask: TensorType, shape: readonly Dim[], axis: number): void {
  mask.shape!.forEach((size, i) => {
    const indexed = shape[axis + i]!;
    if (size !== null && indexed !== null && size !== indexed) {
      throw new OperationError(
        `The shape of the mask ${printShape(mask.shape!)} at index ${i} does not match the shape of the indexed tensor ` +
          `${printShape(shape)} at index ${axis + i}`,
      );
    }
  });
}

/** How many elements a slice takes of a dimension, by Python's rules, or null. */
function sliceSize(size: Dim, slice: Extract<Item<TensorType>, { kind: 'slice' }>): Dim {
  if (slice.start === null && slice.stop === null && slice.step === null) return size;
  const step = slice.step === null ? 1 : knownNumber(slice.step);
  if (size === null && slice.size !== null) return slice.size;
  if (size === null || step === null) return size === 0 ? 0 : null;
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const bound = (operand: TensorType | null, missing: number): number | null => {
    if (operand === null) return missing;
    const value = knownNumber(operand);
    return value === null ? null : Math.min(Math.max(value < 0 ? value + size : value, low), high);
  };
  const start = bound(slice.start, step > 0 ? low : high);
  const stop = bound(slice.stop, step > 0 ? high : low);
  return start === null || stop === null ? null : Math.max(0, Math.ceil((stop - start) / step));
}

function broadcastSelectors(shapes: readonly Shape[]): Shape {
  try {
    return shapes.reduce(broadcastShapes, []);
  } catch {
    const printed = shapes.map((shape) => printShape(shape ?? [])).join(', ');
    throw new OperationError(`shape mismatch: indexing tensors could not be broadcast together with shapes ${printed}`);
  }
}

/** The element that an integer selects from a list of known elements: a size from a shape. */
function selectedElement(x: TensorType, items: readonly Item<TensorType>[]): readonly number[] | null {
  const [item] = items;
  if (!x.constant || x.shape?.length !== 1 || items.length !== 1 || item?.kind !== 'int') return null;
  const index = knownNumber(item.index);
  return index === null ? null : [x.constant.at(index)!];
}

const getitem: Operation<'getitem'> = {
  infer(inputs, { items: forms }) {
    const x = input(inputs, 0);
    const items = readItems(forms, inputs.slice(1));
    return [withConstant(x.dtype, indexShape(x.shape, items), selectedElement(x, items))];
  },
};

const setitem: Operation<'setitem'> = {
  infer(inputs, { items: forms }) {
    const x = input(inputs, 0);
    const value = input(inputs, inputs.length - 1);
    const target = indexShape(x.shape, readItems(forms, inputs.slice(1, -1)));
    if (!fits(value.shape, target)) {
      throw new OperationError(
        `shape mismatch: value tensor of shape ${printShape(value.shape!)} cannot be broadcast to indexing result of ` +
          `shape ${printShape(target!)}`,
      );
    }
    return [{ dtype: x.dtype, shape: x.shape }];
  },
};

/** Whether a value can be broadcast to what is assigned; its leading dimensions of size 1 do not count. */
function fits(value: Shape, target: Shape): boolean {
  if (value === null || target === null) return true;
  return value.every((size, i) => {
    const at = i - value.length + target.length;
    if (at < 0) return size === 1 || size === null;
    const wanted = target[at]!;
    return wanted === 1 ? size === 1 || size === null : broadcastDims(size, wanted) !== undefined;
  });
}

/** Indexing by numpy's rules, and assignment to what an index selects: the tensor with that part replaced. */
export const indexingByItems: Operations<'getitem' | 'setitem'> = { getitem, setitem };
