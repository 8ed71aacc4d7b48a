import type { DType } from '../graph/types.ts';
import { rowMajorStrides } from './selection.ts';
import { type Data, isFloatDType } from './storage.ts';

const LINE = 80;
const PRECISION = 4;
/** Tensors with more elements are shortened to this many entries at both ends of each dimension. */
const THRESHOLD = 1000;
const EDGE = 3;
const INDENT = 'tensor('.length;

/** Dtypes that a tensor need not name: its elements tell them. */
const USUAL: readonly DType[] = ['float32', 'int64', 'bool'];

/** How elements are written, and the room that each has. */
interface Format {
  readonly width: number;
  readonly write: (value: number | bigint) => string;
}

/** Prints a tensor as PyTorch does: `tensor([[1., 2.]], dtype=torch.float64)`. */
export function printTensor(data: Data, dims: readonly number[], dtype: DType): string {
  if (data.length === 0) {
    const size = dims.length === 1 ? [] : [`size=(${dims.join(', ')})`];
    return withSuffixes('tensor([]', [...size, ...(dtype === 'float32' ? [] : [`dtype=torch.${dtype}`])]);
  }
  const kept = dims.map((size) => keptIndices(size, data.length > THRESHOLD));
  const strides = rowMajorStrides(dims);
  const shown = keptValues(data, kept, strides);
  const { width, write } = isFloatDType(dtype) ? floatFormat(shown.map(Number)) : plainFormat(shown, dtype);
  const body = (dim: number, offset: number, indent: number): string => {
    const indices = kept[dim];
    if (indices === undefined) return write(data[offset] ?? 0).padStart(width);
    const isRow = dim === dims.length - 1;
    const entries = indices.map((index) =>
      index === null ? `${isRow ? ' ' : ''}...` : body(dim + 1, offset + index * (strides[dim] ?? 1), indent + 1),
    );
    if (isRow) return `[${wrap(entries, width, indent)}]`;
    return `[${entries.join(`,${'\n'.repeat(dims.length - 1 - dim)}${' '.repeat(indent + 1)}`)}]`;
  };
  const suffixes = USUAL.includes(dtype) ? [] : [`dtype=torch.${dtype}`];
  return withSuffixes(`tensor(${body(0, 0, INDENT)}`, suffixes);
}

/** What follows the elements, in a line of its own where it does not fit. */
function withSuffixes(text: string, suffixes: readonly string[]): string {
  let [all, length] = [text, text.length - text.lastIndexOf('\n') + 1];
  for (const suffix of suffixes) {
    const fits = length + suffix.length + 2 <= LINE;
    all += fits ? `, ${suffix}` : `,\n${' '.repeat(INDENT)}${suffix}`;
    length = (fits ? length + 2 : INDENT) + suffix.length;
  }
  return `${all})`;
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
  return lines.join(`,\n${' '.repeat(indent + 1)}`);
}

function plainFormat(values: readonly (number | bigint)[], dtype: DType): Format {
  const write = (value: number | bigint) => (dtype === 'bool' ? (value ? 'True' : 'False') : String(value));
  return { width: Math.max(...values.map((value) => write(value).length)), write };
}

/** One format for all: whole numbers as `2.`, otherwise four decimals, or powers of ten where the numbers span too far. */
function floatFormat(values: readonly number[]): Format {
  const finite = values.filter((value) => Number.isFinite(value) && value !== 0);
  const sizes = finite.map(Math.abs);
  const largest = Math.max(...sizes);
  const smallest = Math.min(...sizes);
  const whole = sizes.every(Number.isInteger);
  const scientific =
    sizes.length > 0 && (largest / smallest > 1000 || largest > 1e8 || (!whole && smallest < 10 ** -PRECISION));
  const write = (element: number | bigint) => {
    const value = Number(element);
    if (Number.isNaN(value)) return 'nan';
    if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
    const sign = Object.is(value, -0) ? '-' : '';
    if (scientific) return sign + exponential(value);
    return sign + (whole ? `${value.toFixed(0)}.` : fixed(value));
  };
  // Zeros, infinities and what is no number take no part in it.
  return { width: Math.max(1, ...finite.map((value) => write(value).length)), write };
}

/** Digits enough to see whether a number lies in the middle between two that are written. */
const EXACT = 30;
const HALF = '5'.padEnd(EXACT - PRECISION, '0');

function fixed(value: number): string {
  const exact = value.toFixed(EXACT);
  return isEvenHalf(exact) ? exact.slice(0, -HALF.length) : value.toFixed(PRECISION);
}

function exponential(value: number): string {
  const [digits, power] = value.toExponential(EXACT).split('e') as [string, string];
  const text = isEvenHalf(digits) ? `${digits.slice(0, -HALF.length)}e${power}` : value.toExponential(PRECISION);
  return text.replace(/e([+-])(\d)$/, 'e$10$2');
}

/** Whether it is cut and not rounded up: Python takes halves to the even neighbour, JavaScript away from zero. */
function isEvenHalf(exact: string): boolean {
  return exact.endsWith(HALF) && /[02468]$/.test(exact.slice(0, -HALF.length));
}
