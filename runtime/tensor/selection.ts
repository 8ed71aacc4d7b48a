import { OperationError } from '../graph/operation.ts';
import type { SliceItem } from './slices.ts';

/** A part of an index that is no list. */
export type BasicItem = Exclude<SliceItem, { kind: 'list' }>;

/** Which elements of a row-major tensor an index takes: the dimensions of the result and its first element and strides. */
export interface Selection {
  readonly dims: readonly number[];
  readonly offset: number;
  readonly strides: readonly number[];
}

/** Works an index out against the dimensions of a tensor; out of range is an error in PyTorch's words. */
export function selectItems(dims: readonly number[], items: readonly BasicItem[]): Selection {
  const used = items.filter((item) => item.kind === 'int' || item.kind === 'slice').length;
  if (used > dims.length) {
    throw new OperationError(`too many indices for tensor of dimension ${dims.length} (${used} were given)`);
  }
  const rest = dims.length - used;
  const full = items.some((item) => item.kind === 'ellipsis') ? items : [...items, { kind: 'ellipsis' } as const];
  const strides = rowMajorStrides(dims);
  const result: { size: number; stride: number }[] = [];
  let offset = 0;
  let dim = 0;
  for (const item of full) {
    const size = dims[dim] ?? 1;
    const stride = strides[dim] ?? 1;
    if (item.kind === 'newaxis') {
      result.push({ size: 1, stride: 0 });
    } else if (item.kind === 'ellipsis') {
      for (let i = 0; i < rest; i++, dim++) result.push({ size: dims[dim] ?? 1, stride: strides[dim] ?? 1 });
    } else if (item.kind === 'int') {
      offset += wrapIndex(item.value, size, dim) * stride;
      dim++;
    } else {
      const { start, length, step } = sliceRange(item, size);
      offset += start * stride;
      result.push({ size: length, stride: step * stride });
      dim++;
    }
  }
  return { dims: result.map(({ size }) => size), offset, strides: result.map((entry) => entry.stride) };
}

/** The places of the selected elements, in the order of the result. */
export function selectedPositions({ dims, offset, strides }: Selection): Int32Array | Float64Array {
  const total = dims.reduce((product, size) => product * size, 1);
  const last = dims.reduce((sum, size, dim) => sum + Math.max(0, (size - 1) * (strides[dim] ?? 0)), offset);
  // Positions beyond 2^31 need more than 32 bits.
  const positions = last < 2 ** 31 ? new Int32Array(total) : new Float64Array(total);
  const index = dims.map(() => 0);
  let position = offset;
  for (let i = 0; i < total; i++) {
    positions[i] = position;
    for (let dim = dims.length - 1; dim >= 0; dim--) {
      const stride = strides[dim] ?? 0;
      const next = (index[dim] ?? 0) + 1;
      position += stride;
      if (next < (dims[dim] ?? 1)) {
        index[dim] = next;
        break;
      }
      index[dim] = 0;
      position -= next * stride;
    }
  }
  return positions;
}

export function rowMajorStrides(dims: readonly number[]): number[] {
  const strides = dims.map(() => 1);
  for (let dim = dims.length - 2; dim >= 0; dim--) strides[dim] = (strides[dim + 1] ?? 1) * (dims[dim + 1] ?? 1);
  return strides;
}

function wrapIndex(value: number, size: number, dim: number): number {
  const index = value < 0 ? value + size : value;
  if (index < 0 || index >= size) {
    throw new OperationError(`index ${value} is out of bounds for dimension ${dim} with size ${size}`);
  }
  return index;
}

function sliceRange(item: Extract<SliceItem, { kind: 'slice' }>, size: number) {
  const step = item.step ?? 1;
  const lowest = step > 0 ? 0 : -1;
  const highest = step > 0 ? size : size - 1;
  const clip = (bound: number) => Math.min(Math.max(bound < 0 ? bound + size : bound, lowest), highest);
  const start = item.start === null ? (step > 0 ? lowest : highest) : clip(item.start);
  const stop = item.stop === null ? (step > 0 ? highest : lowest) : clip(item.stop);
  return { start, length: Math.max(0, Math.ceil((stop - start) / step)), step };
}
