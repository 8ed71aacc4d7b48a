import { elementType, UINT4 } from '../../onnx/dtypes.ts';
import { makeRawTensor } from '../../onnx/make.ts';
import type { TensorProto } from '../../onnx/proto.ts';
import type { Emitter } from '../emitter.ts';
import type { Rule, Rules } from '../rule.ts';
import { unbroadcast } from '../unbroadcast.ts';

/** A matrix of whole numbers of 4 or 8 bits, [rows, columns], with a scale for every block of a row. */
interface Quantized {
  readonly bytes: string;
  readonly scales: string;
  /** '' where it is the middle of the numbers. */
  readonly zeros: string;
  readonly rows: number;
  /** How many blocks a row has, and how many elements a block. */
  readonly blocks: number;
  readonly size: number;
  readonly bits: number;
}

const matmul: Rule = (emit, at) => {
  const [a, bytes, scales, zeros] = [0, 1, 2, 3].map((i) => at.input(i)) as [string, string, string, string];
  if (at.input(4) !== '') throw at.refuse('columns in another order have no derivative here');
  if (at.needs(2) || at.needs(3)) throw at.refuse('the scales of its blocks have no derivative here');
  const [rows, columns, size, bits] = [at.int('N', 0), at.int('K', 0), at.int('block_size', 0), at.int('bits', 4)];
  if (bits !== 4 && bits !== 8) throw at.refuse(`weights of ${bits} bits have no derivative here`);
  const blocks = Math.ceil(columns / size);
  const weight = { bytes, scales, zeros, rows, blocks, size, bits };
  const by = (input: string, i: number) => {
    if (i === 0)
      return emit.sized(emit.node('MatMul', [at.gradient, cut(emit, matrix(emit, weight), columns, blocks * size)]), a);
    return unbroadcast(emit, at.gradient, input, at.outputs[0]!);
  };
  return at.each(by);
};

/** Blocks are whole: the last one of a row may be longer than the row. */
function cut(emit: Emitter, tensor: string, columns: number, whole: number): string {
  if (columns === whole) return tensor;
  return emit.node('Slice', [tensor, emit.ints(0), emit.ints(columns), emit.ints(1)]);
}

/** Weights of several matrices in few bits, [count, rows, columns], with a scale for each row or for every block of it. */
export function quantizedMatrix(
  emit: Emitter,
  { bytes, scales, zeros, bits }: Pick<Quantized, 'bytes' | 'scales' | 'zeros' | 'bits'>,
  { count, rows, columns, perRow }: Record<'count' | 'rows' | 'columns' | 'perRow', number>,
): string {
  const all = count * rows;
  // Where a row has one scale, the zeros of a matrix follow one another; else those of a row do.
  const isPacked = zeros !== '' && perRow === 1 && emit.rank(zeros) === 2;
  const listed = () =>
    emit.cast(
      emit.node('Slice', [elements(emit, zeros, count, bits), emit.ints(0), emit.ints(rows), emit.ints(1)]),
      emit.dtype(scales),
    );
  const weight = {
    bytes,
    scales,
    zeros: isPacked ? emit.reshape(listed(), emit.ints(all, 1)) : zeros,
    rows: all,
    blocks: perRow,
    size: columns / perRow,
    bits,
  };
  return emit.reshape(matrix(emit, weight), emit.ints(count, rows, columns));
}

/** The numbers that the weight stands for, [rows, blocks · size]. */
function matrix(emit: Emitter, weight: Quantized): string {
  return asItLies(emit, weight) ?? unpacked(emit, weight);
}

/**
 * By DequantizeLinear, which reads the bytes as they lie there and does it again in every run: computed once, the weight
 * would be kept in four to eight times the memory. Null where the operator set or the form of the zeros does not allow it.
 */
function asItLies(emit: Emitter, { bytes, scales, zeros, rows, blocks, size, bits }: Quantized): string | null {
  const lying = emit.facts.weight(bytes);
  const given = zeros === '' ? middle(rows * blocks, bits) : emit.facts.weight(zeros);
  const isByte = given?.dataType === elementType('uint8');
  // A row of zeros ends with a whole byte.
  if (emit.opset < 21 || !lying || !isByte || (zeros !== '' && bits === 4 && blocks % 2 === 1)) return null;
  const type = bits === 4 ? UINT4 : elementType('uint8');
  const inputs = [
    emit.weight(lying, type, [rows, blocks * size]),
    emit.reshape(scales, emit.ints(rows, blocks)),
    emit.weight(given, type, [rows, blocks]),
  ];
  const made = emit.node('DequantizeLinear', inputs, { axis: { int: 1 }, block_size: { int: size } });
  emit.facts.set(made, emit.facts.type(scales), [rows, blocks * size]);
  return made;
}

function middle(count: number, bits: number): TensorProto {
  const bytes = new Uint8Array(bits === 4 ? Math.ceil(count / 2) : count).fill(bits === 4 ? 0x88 : 0x80);
  return makeRawTensor('', 'uint8', bytes, [bytes.length]);
}

/** By arithmetic on the bytes. */
function unpacked(emit: Emitter, { bytes, scales, zeros, rows, blocks, size, bits }: Quantized): string {
  const dtype = emit.dtype(scales);
  const perBlock = (tensor: string) => emit.reshape(tensor, emit.ints(rows, blocks, 1));
  const numbers = emit.cast(elements(emit, bytes, rows, bits), dtype);
  const steps = emit.reshape(numbers, emit.ints(rows, blocks, size));
  const centred =
    zeros === ''
      ? emit.shift(steps, -(2 ** (bits - 1)))
      : emit.minus(steps, perBlock(emit.cast(zeroPoints(emit, zeros, rows, blocks, bits), dtype)));
  return emit.reshape(emit.times(centred, perBlock(scales)), emit.ints(rows, blocks * size));
}

/** They are packed as the elements are, or floats. */
function zeroPoints(emit: Emitter, zeros: string, rows: number, blocks: number, bits: number): string {
  if (emit.dtype(zeros) !== 'uint8') return zeros;
  return emit.node('Slice', [elements(emit, zeros, rows, bits), emit.ints(0), emit.ints(blocks), emit.ints(1)]);
}

/** The whole numbers in the bytes of every row, [rows, …]. */
function elements(emit: Emitter, bytes: string, rows: number, bits: number): string {
  if (bits === 8) return emit.reshape(bytes, emit.ints(rows, -1));
  const whole = emit.cast(bytes, 'int32');
  const sixteen = emit.number(whole, 16);
  const halves = [emit.node('Mod', [whole, sixteen]), emit.over(whole, sixteen)];
  const pairs = emit.concat(
    halves.map((half) => emit.reshape(half, emit.ints(rows, -1, 1))),
    2,
  );
  return emit.reshape(pairs, emit.ints(rows, -1));
}

/** Rules of products with weights that are quantized block by block. */
export const BLOCKWISE: Rules = { MatMulNBits: matmul };
