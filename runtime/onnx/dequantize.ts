import { type AnyTensor, Tensor } from '../tensor/tensor.ts';
import { INT4 } from './dtypes.ts';
import { initializerBytes, initializerTensor } from './initializer-tensor.ts';
import type { OnnxModel } from './model.ts';

/*
 * What a tensor of few bits stands for, by the definitions of the operators that read it: (value - zero) * scale.
 */

/** Whole numbers with scales, and zeros, that each stand for a part of them: all by their initializers. */
export interface Quantized {
  readonly values: string;
  readonly scales: string;
  /** Null where they are the default of the operator. */
  readonly zeros: string | null;
  /** The dims of the numbers, whichever way they are packed. */
  readonly dims: readonly number[];
  /** How many numbers of a row are stored: the last block is whole. */
  readonly row: number;
  /** The bits of a number where several share a byte, the low ones first; 0 where the element type says it all. */
  readonly bits: number;
  /** What a zero is where none are given. */
  readonly middle: number;
  /** The dimension that scales go along, and how many elements of it share one; null where all elements share one. */
  readonly along: { readonly axis: number; readonly size: number } | null;
  /** For each position along the dimension which scale it has, where they do not follow one another. */
  readonly order: string | null;
}

/** Numbers of four bits that look up a table, the high ones of a byte first, with a scale for every block of all of them. */
export interface Coded {
  readonly codes: string;
  readonly scales: string;
  readonly dims: readonly number[];
  readonly size: number;
  readonly table: readonly number[];
}

/** The tensor with its numbers, in the dtype of the scales; null where they cannot be had. */
export function dequantized(model: OnnxModel, weight: Quantized | Coded): AnyTensor | null {
  const scales = initializerTensor(model, weight.scales);
  if (scales === null) return null;
  const found = 'codes' in weight ? decoded(model, weight, scales.data) : scaled(model, weight, scales.data);
  return found && Tensor.from(found, scales.dtype, weight.dims);
}

type Numbers = ArrayLike<number | bigint>;

function scaled(model: OnnxModel, weight: Quantized, scales: Numbers): Float32Array<ArrayBuffer> | null {
  const { dims, bits, along, middle } = weight;
  const count = product(dims);
  const last = dims.at(-1) ?? 1;
  const stored = (count / last) * weight.row;
  const values = numbers(model, weight.values, bits, stored, weight.row);
  const parts = along === null ? 1 : Math.ceil(dims[along.axis]! / along.size);
  const zeros = weight.zeros === null ? null : numbers(model, weight.zeros, bits, scales.length, parts);
  const order = weight.order === null ? null : numbers(model, weight.order, 0, dims[along!.axis]!, 1);
  if (values === null || (weight.zeros !== null && zeros === null) || (weight.order !== null && order === null))
    return null;
  const made = new Float32Array(count);
  const inner = along === null ? count : product(dims.slice(along.axis + 1));
  const length = along === null ? 1 : dims[along.axis]!;
  for (let i = 0; i < count; i++) {
    const position = Math.floor(i / inner) % length;
    const part = along === null ? 0 : order === null ? Math.floor(position / along.size) : Number(order[position]);
    // Where blocks go along a dimension there is a scale for each place of the others; else the scales are a list.
    const at =
      along === null || along.size === 1 ? part : (Math.floor(i / inner / length) * parts + part) * inner + (i % inner);
    const place = Math.floor(i / last) * weight.row + (i % last);
    made[i] = Math.fround(Number(values[place]) - Number(zeros?.[at] ?? middle)) * Number(scales[at]);
  }
  return made;
}

function decoded(
  model: OnnxModel,
  { codes, dims, size, table }: Coded,
  scales: Numbers,
): Float32Array<ArrayBuffer> | null {
  const bytes = initializerBytes(model, codes);
  const count = product(dims);
  if (bytes === null || bytes.length < count / 2) return null;
  return Float32Array.from({ length: count }, (_, i) => {
    const byte = bytes[i >> 1]!;
    return table[i % 2 === 0 ? byte >> 4 : byte & 15]! * Number(scales[Math.floor(i / size)]);
  });
}

/** The elements of an initializer, `count` of them; packed ones begin a new byte for every `row`. */
function numbers(model: OnnxModel, name: string, bits: number, count: number, row: number): Numbers | null {
  const tensor = initializerTensor(model, name);
  // A list of zeros need not be packed as the values are.
  if (tensor !== null && (bits === 0 || tensor.dtype !== 'uint8'))
    return tensor.data.length >= count ? tensor.data : null;
  const bytes = initializerBytes(model, name);
  if (bytes === null) return null;
  const isSigned = model.initializers.get(name)!.dataType === INT4;
  const width = bits || 4;
  const perByte = 8 / width;
  // The elements of a tensor of four bits follow one another without gaps.
  const bytesOfRow = tensor === null ? row / perByte : Math.ceil(row / perByte);
  if (bytes.length < Math.ceil((count / row) * bytesOfRow)) return null;
  const mask = 2 ** width - 1;
  return Int32Array.from({ length: count }, (_, i) => {
    const at = tensor === null ? i : Math.floor(i / row) * bytesOfRow * perByte + (i % row);
    const value = (bytes[Math.floor(at / perByte)]! >> ((at % perByte) * width)) & mask;
    return isSigned && value > 7 ? value - 16 : value;
  });
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((all, size) => all * size, 1);
}
