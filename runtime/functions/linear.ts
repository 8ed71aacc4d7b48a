import { outputTypes } from '../graph/operations/index.ts';
import type { AttributesOf } from '../graph/ops.ts';
import type { TensorType } from '../graph/types.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import { add, mul } from './arithmetic.ts';
import { full } from './creation.ts';
import { diagonal } from './indexing.ts';
import { fail, node, operand, typeOf } from './nodes.ts';
import { allInWide, pair } from './promotion.ts';
import { sum } from './reductions.ts';
import { t, unsqueeze } from './shaping.ts';
import { withSignature } from './with-signature.ts';

/** The matrix product, batched and broadcast over the leading dimensions; vectors as in PyTorch. */
export const matmul = withSignature('matmul', (input: Operand, other: Operand): Traced => product(pair(input, other)));

/** The product of two matrices: [n, m] and [m, p] give [n, p]. */
export const mm = withSignature('mm', (input: Operand, mat2: Operand): Traced => {
  const [a, b] = pair(input, mat2);
  expectRank(a, 2, 'mm: self must be a matrix');
  expectRank(b, 2, 'mm: mat2 must be a matrix');
  return product([a, b]);
});

/** The products of two batches of matrices: [b, n, m] and [b, m, p] give [b, n, p]. */
export const bmm = withSignature('bmm', (input: Operand, mat2: Operand): Traced => {
  const [a, b] = pair(input, mat2);
  expectRank(a, 3, 'bmm: batch1 must be a 3D tensor');
  expectRank(b, 3, 'bmm: batch2 must be a 3D tensor');
  return product([a, b]);
});

/** The scalar product of two vectors. */
export const dot = withSignature('dot', (input: Operand, other: Operand): Traced => {
  const [a, b] = pair(input, other);
  for (const vector of [a, b]) {
    expectRank(vector, 1, `dot: 1D tensors expected, but got ${rankOf(a)}D and ${rankOf(b)}D tensors`);
  }
  return product([a, b]);
});

/** All products of the elements of two vectors: [n] and [m] give [n, m]. */
export const outer = withSignature('outer', (input: Operand, vec2: Operand): Traced => {
  const [a, b] = pair(input, vec2);
  expectRank(a, 1, `outer: Expected 1-D argument self, but got ${rankOf(a)}-D`);
  expectRank(b, 1, `outer: Expected 1-D argument vec2, but got ${rankOf(b)}-D`);
  return mul(unsqueeze(a, 1), b);
});

/** The sum of a matrix's diagonal. */
export const trace = withSignature('trace', (input: Operand): Traced => {
  const x = operand(input);
  expectRank(x, 2, `trace: expected a matrix, but got tensor with dim ${rankOf(x)}`);
  return sum(diagonal(x));
});

/** Einstein's sum, such as `einsum('bhqd,bhkd->bhqk', q, k)`. */
export const einsum = withSignature('einsum', (equation: string, ...operands: readonly Operand[]): Traced => {
  const factors = operands.map((tensor) => operand(tensor));
  return orZeros(node('einsum', factors, { equation }), factors, () =>
    outputTypes('einsum', factors.map(typeOf), { equation }),
  );
});

/** `input @ weight.t() + bias`: a linear layer, with the weight as PyTorch stores it, [out, in]. */
export const linear = withSignature('linear', (input: Operand, weight: Operand, bias?: Operand | null): Traced => {
  const [x, matrix] = pair(input, weight);
  if (bias == null) return productWithTurned(x, matrix);
  return allInWide([x, matrix, operand(bias)], (a, b, added) => add(productWithTurned(a!, b!), added!));
});

function productWithTurned(x: Traced, matrix: Traced): Traced {
  return rankOf(matrix) === 2 ? product([x, matrix], { turned: true }) : product([x, t(matrix)]);
}

function product(factors: readonly [Traced, Traced], attributes: AttributesOf<'matmul'> = {}): Traced {
  const types = () => outputTypes('matmul', factors.map(typeOf), attributes);
  return orZeros(node('matmul', factors, attributes), factors, types);
}

/** Sums of nothing are 0; ONNX Runtime's products leave what was in the memory. */
function orZeros(found: Traced, factors: readonly Traced[], types: () => readonly TensorType[]): Traced {
  if (!factors.some((factor) => typeOf(factor).shape?.includes(0))) return found;
  const { dtype, shape } = types()[0]!;
  return shape === null || shape.includes(null) ? found : full(shape.map(Number), 0, { dtype });
}

function rankOf(value: Traced): number | null {
  return typeOf(value).shape?.length ?? null;
}

function expectRank(value: Traced, rank: number, message: string): void {
  const given = rankOf(value);
  if (given !== null && given !== rank) fail(message);
}
