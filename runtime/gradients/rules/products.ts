import { CONTRIB } from '../../onnx/domains.ts';
import type { Emitter } from '../emitter.ts';
import type { Application, Rule, Rules } from '../rule.ts';
import { unbroadcast } from '../unbroadcast.ts';
import { einsum } from './einsum.ts';

/** a · b, where the last two dimensions of either may be exchanged. */
export function product(emit: Emitter, a: string, b: string, transA: boolean, transB: boolean): string {
  const isKnown = (!transA || emit.rank(a) !== null) && (!transB || emit.rank(b) !== null);
  // The one product that exchanges dimensions without being told their number; it has no kernel for float64.
  if (!isKnown && emit.dtype(a) !== 'float64') {
    return emit.node('FusedMatMul', [a, b], { transA: { int: +transA }, transB: { int: +transB } }, CONTRIB);
  }
  return emit.node('MatMul', [transA ? exchanged(emit, a) : a, transB ? exchanged(emit, b) : b]);
}

function exchanged(emit: Emitter, matrix: string): string {
  const rank = emit.rank(matrix);
  if (rank === null) return emit.node('Einsum', [matrix], { equation: { string: '...ij->...ji' } });
  return emit.transpose(matrix, [...Array(rank - 2).keys(), rank - 1, rank - 2]);
}

/** All dimensions but the last one together. */
function rows(emit: Emitter, tensor: string): string {
  if (emit.rank(tensor) === 2) return tensor;
  return emit.reshape(tensor, emit.join(emit.ints(-1), emit.size(tensor, -1)));
}

const matmul: Rule = (emit, at) => {
  const [a, b] = at.inputs as [string, string];
  if (emit.rank(b) === 2) return byMatrix(emit, at, at.gradient, false);
  // A vector stands for a matrix of one row on the left, of one column on the right.
  const [left, right] = [asMatrix(emit, a, 'left'), asMatrix(emit, b, 'right')];
  const gradient = ofMatrices(emit, at, left, right);
  return at.each((input, i) => {
    const own = i === 0 ? product(emit, gradient, right, false, true) : product(emit, left, gradient, true, false);
    const sum = unbroadcast(emit, own, i === 0 ? left : right, own);
    return input === (i === 0 ? left : right) ? sum : emit.reshapeLike(sum, input);
  });
};

/** Gemm reads a weight transposed as it lies there: of a Transpose node, ONNX Runtime would keep a second copy of it. */
export function byMatrix(emit: Emitter, at: Application, gradient: string, transB: boolean): (string | null)[] {
  const [a, b] = at.inputs as [string, string];
  const flat = rows(emit, gradient);
  const multiply = (left: string, right: string, transLeft: boolean, transRight: boolean) =>
    emit.node('Gemm', [left, right], { transA: { int: +transLeft }, transB: { int: +transRight } });
  return at.each((input, i) => {
    if (i === 1) {
      const [left, right] = transB ? [flat, rows(emit, a)] : [rows(emit, a), flat];
      return emit.sized(multiply(left, right, true, false), input);
    }
    const own = multiply(flat, b, false, !transB);
    return emit.rank(a) === 2 ? emit.sized(own, input) : emit.reshapeLike(own, input);
  });
}

/** An operand, as a matrix where it is a vector, which only the run may tell. */
function asMatrix(emit: Emitter, operand: string, side: 'left' | 'right'): string {
  const rank = emit.rank(operand);
  if (rank !== null) return rank > 1 ? operand : emit.unsqueeze(operand, side === 'left' ? 0 : 1);
  const sizes = emit.shape(operand);
  const missing = emit.node('Max', [emit.ints(0), emit.minus(emit.ints(2), emit.shape(sizes))]);
  const ones = emit.node('Expand', [emit.ints(1), missing]);
  return emit.reshape(operand, side === 'left' ? emit.join(ones, sizes) : emit.join(sizes, ones));
}

/** The gradient by the product with the dimensions that it has for matrices. */
function ofMatrices(emit: Emitter, at: Application, left: string, right: string): string {
  const [a, b] = at.inputs.map((input) => emit.rank(input));
  if (a && b) return emit.unsqueeze(at.gradient, ...(a > 1 ? [] : [-2]), ...(b > 1 ? [] : [-1]));
  const [rows, columns] = [left, right].map((matrix) => emit.shape(emit.shape(matrix)));
  const count = emit.shift(emit.node('Max', [rows!, columns!]), -2);
  const lead = emit.node('Slice', [emit.shape(at.gradient), emit.ints(0), count]);
  return emit.reshape(at.gradient, emit.join(lead, emit.size(left, -2), emit.size(right, -1)));
}

const gemm: Rule = (emit, at) => {
  const [a, b] = at.inputs as [string, string];
  const [transA, transB] = [at.int('transA', 0), at.int('transB', 0)];
  const multiply = (left: string, right: string, transLeft: number, transRight: number) =>
    emit.node('Gemm', [left, right], {
      transA: { int: transLeft },
      transB: { int: transRight },
      alpha: { float: at.float('alpha', 1) },
    });
  const g = at.gradient;
  const by = [
    () => (transA ? multiply(b, g, transB, 1) : multiply(g, b, 0, 1 - transB)),
    () => (transB ? multiply(g, a, 1, transA) : multiply(a, g, 1 - transA, 0)),
    () => unbroadcast(emit, emit.scale(g, at.float('beta', 1)), at.input(2), at.outputs[0]!),
  ];
  return at.each((input, i) => emit.sized(by[i]!(), input));
};

/** Rules of products of matrices. */
export const PRODUCTS: Rules = { MatMul: matmul, Gemm: gemm, Einsum: einsum };
