import type { DType } from '../graph/types.ts';
import { rowMajorStrides } from './selection.ts';
import { type Data, isFloatDType } from './storage.ts';

const LINE = 80;
const PRECISION = 4;
/** Tensors with more elements are shortened to this many entries at both ends of each dimension. */
const THRESHOLD = 1000;
const EDGE = 3;

/** Prints a tensor as PyTorch does: `tensor([[1., 2.]], dims=[1, 2], dtype=float32)`. */
export function printTensor(data: Data, dims: readonly number[], dtype: DType): string {
  const suffix = `dims=[${dims.join(', ')}], dtype=${dtype}`;
  if (data.length === 0) return `tensor([], ${suffix})`;
  const kept = dims.map((size) => keptIndices(size, data.length > THRESHOLD));
  const strides = rowMajorStrides(dims);
  const shown = keptValues(data, kept, strides);
  const format = isFloatDType(dtype) ? floatFormat(shown.map(Number)) : (value: number | bigint) => plain(value, dtype);
  const width = Math.max(...shown.map((value) => format(value).length));
  const body = (dim: number, offset: number, indent: number): string => {
    const indices = kept[dim];
    if (indices === undefined) return format(data[offset] ?? 0).padStart(dims.length === 0 ? 0 : width);
    const entries = indices.map((index) =>
      index === null ? '...' : body(dim + 1, offset + index * (strides[dim] ?? 1), indent + 1),
    );
    if (dim === dims.length - 1) return `[${wrap(entries, width, indent + 1)}]`;
    return `[${entries.join(`,${'\n'.repeat(dims.length - 1 - dim)}${' '.repeat(indent + 1)}`)}]`;
  };
  return `tensor(${body(0, 0, 'tensor('.length)}, ${suffix})`;
}

/** The indices shown of one dimension; null is the gap. */
function keptIndices(size: number, shorten: boolean): (number | null)[] {
  if (!shorten || size <= 2 * EDGE) return Array.from({ length: size }, (_, i) => i);
  return [0, 1, 2, null, size - 3, size - 2, size - 1];
}

function keptValues(data: Data, kept: readonly (readonly (number | null)[])[], strides: readonly number[]) {
  let offsets = [0];
  kept.forEach((indices, dim) => {
    const steps = indices.filter((index) => index !== null).map((index) => index * (strides[dim] ?? 1));
    offsets = offsets.flatMap((offset) => steps.map((step) => offset + step));
  });
  return offsets.map((offset) => data[offset] ?? 0);
}

function wrap(entries: readonly string[], width: number, indent: number): string {
  const perLine = Math.max(1, Math.floor((LINE - indent) / (width + 2)));
  const lines: string[] = [];
  for (let i = 0; i < entries.length; i += perLine) lines.push(entries.slice(i, i + perLine).join(', '));
  return lines.join(`,\n${' '.repeat(indent)}`);
}

function plain(value: number | bigint, dtype: DType): string {
  return dtype === 'bool' ? String(Boolean(value)) : String(value);
}

/** One format for all: whole numbers as `2.`, otherwise four decimals, or powers of ten where the numbers span too far. */
function floatFormat(values: readonly number[]): (value: number | bigint) => string {
  const sizes = values.filter((value) => Number.isFinite(value) && value !== 0).map(Math.abs);
  const largest = Math.max(...sizes);
  const smallest = Math.min(...sizes);
  const whole = sizes.every(Number.isInteger);
  const scientific =
    sizes.length > 0 && (largest / smallest > 1000 || largest > 1e8 || (!whole && smallest < 10 ** -PRECISION));
  return (element) => {
    const value = Number(element);
    if (Number.isNaN(value)) return 'nan';
    if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
    if (scientific) return value.toExponential(PRECISION).replace(/e([+-])(\d)$/, 'e$10$2');
    const sign = Object.is(value, -0) ? '-' : '';
    return sign + (whole ? `${value.toFixed(0)}.` : value.toFixed(PRECISION));
  };
}
