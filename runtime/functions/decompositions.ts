import { createRequire } from 'node:module';
import type MlMatrix from 'ml-matrix';
import { isFloatDType } from '../tensor/storage.ts';
import { type AnyTensor, Tensor } from '../tensor/tensor.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import type { SvdOptions } from '../types/options.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import { decomposed } from './jacobi.ts';
import { asProxy, created, fail, operand } from './nodes.ts';
import { optionsOf } from './options.ts';
import { pair } from './promotion.ts';
import { withSignature } from './with-signature.ts';

/*
 * ONNX Runtime has no kernels for these: ml-matrix computes them, in float64, of tensors that have their elements. Signs of
 * vectors that are determined up to their sign may be others than PyTorch's. It is loaded when it is needed first: most
 * programs do without.
 */

type Library = typeof MlMatrix;
type Matrix = InstanceType<Library['Matrix']>;

let library: Library | null = null;

function loaded(): Library {
  library ??= createRequire(import.meta.url)('ml-matrix') as Library;
  return library;
}

/** `U @ diag(S) @ Vh` is the matrix; `S` are its singular values, the largest first. */
export interface SingularValues {
  readonly U: Traced;
  readonly S: Traced;
  readonly Vh: Traced;
}

/**
 * The singular value decomposition of a matrix, or of each in a batch: [..., m, n] gives U [..., m, m], S [..., k] and Vh
 * [..., n, n], k the smaller of m and n; with `{ fullMatrices: false }` U is [..., m, k] and Vh [..., k, n]. PyTorch's
 * `linalg.svd`. Of tensors with their elements only: not of what a block traces.
 */
export const svd = withSignature('svd', (input: Operand, options?: boolean | SvdOptions): SingularValues => {
  const { fullMatrices = true } = optionsOf<SvdOptions>('svd', options, ['fullMatrices']);
  const [U, S, Vh] = batched('svd', input, (matrix) => {
    const { u, s, v } = thinSvd(matrix);
    const [left, right] = fullMatrices ? [completed(u), completed(v)] : [u, v];
    return [shaped(left), { dims: [s.length], data: s }, shaped(right.transpose())];
  });
  return { U: U!, S: S!, Vh: Vh! };
});

/** `Q @ R` is the matrix: [..., m, n] gives Q [..., m, k] with orthonormal columns and R [..., k, n], k the smaller of m and n. As `svd`, not of what a block traces. */
export const qr = withSignature('qr', (input: Operand): { readonly Q: Traced; readonly R: Traced } => {
  const [Q, R] = batched('qr', input, (matrix) => {
    const { QrDecomposition } = loaded();
    const k = Math.min(matrix.rows, matrix.columns);
    if (k === 0) return [zeros(matrix.rows, 0), zeros(0, matrix.columns)];
    const q = new QrDecomposition(matrix.subMatrix(0, matrix.rows - 1, 0, k - 1)).orthogonalMatrix;
    const r = q.transpose().mmul(matrix);
    // Below the diagonal there is nothing but rounding errors.
    for (let row = 0; row < r.rows; row++) for (let column = 0; column < row; column++) r.set(row, column, 0);
    return [shaped(q), shaped(r)];
  });
  return { Q: Q!, R: R! };
});

/**
 * The eigenvalues of a symmetric matrix, the smallest first, and its eigenvectors, in columns: [..., n, n] gives [..., n]
 * and [..., n, n]. The lower triangle is read. As `svd`, not of what a block traces.
 */
export const eigh = withSignature(
  'eigh',
  (input: Operand): { readonly eigenvalues: Traced; readonly eigenvectors: Traced } => {
    const [eigenvalues, eigenvectors] = batched('eigh', input, (matrix) => {
      const { rows: n, columns } = matrix;
      if (n !== columns)
        fail(`linalg.eigh: A must be batches of square matrices, but they are ${n} by ${columns} matrices`);
      if (n === 0) return [{ dims: [0], data: [] }, zeros(0, 0)];
      const { Matrix, EigenvalueDecomposition } = loaded();
      const symmetric = Matrix.zeros(n, n);
      for (let i = 0; i < n; i++) {
        for (let j = 0; j <= i; j++) {
          symmetric.set(i, j, matrix.get(i, j));
          symmetric.set(j, i, matrix.get(i, j));
        }
      }
      const found = new EigenvalueDecomposition(symmetric, { assumeSymmetric: true });
      const values = found.realEigenvalues;
      const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
      const vectors = found.eigenvectorMatrix.subMatrixColumn(order);
      return [{ dims: [n], data: order.map((i) => values[i]!) }, shaped(vectors)];
    });
    return { eigenvalues: eigenvalues!, eigenvectors: eigenvectors! };
  },
);

/** The pseudoinverse: [..., m, n] gives [..., n, m]. As `svd`, not of what a block traces. */
export const pinv = withSignature(
  'pinv',
  (input: Operand): Traced => batched('pinv', input, (matrix, epsilon) => [shaped(inverse(matrix, epsilon))])[0]!,
);

/**
 * The `solution` x for which `input @ x` is nearest to `other`, of several the shortest: [m, n] and [m, k] give [n, k]. As
 * `svd`, not of what a block traces.
 */
export const lstsq = withSignature('lstsq', (input: Operand, other: Operand): { readonly solution: Traced } => {
  const [a, b] = pair(input, other);
  const right = matrices('lstsq', b);
  const { rows } = matrices('lstsq', a).all[0] ?? { rows: 0 };
  if (right.all.length !== 1 || right.all[0]!.rows !== rows || right.lead.length > 0) {
    fail('linalg.lstsq: input and other are two matrices with as many rows: one for each equation');
  }
  const [solution] = batched('lstsq', a, (matrix, epsilon) => [shaped(inverse(matrix, epsilon).mmul(right.all[0]!))]);
  return { solution: solution! };
});

interface Part {
  readonly dims: readonly number[];
  readonly data: ArrayLike<number>;
}

function shaped(matrix: Matrix): Part {
  return { dims: [matrix.rows, matrix.columns], data: matrix.to1DArray() };
}

function zeros(rows: number, columns: number): Part {
  return { dims: [rows, columns], data: new Float64Array(rows * columns) };
}

/** Decomposes each matrix, and puts the parts of all side by side. */
function batched(
  name: string,
  input: Operand,
  decompose: (matrix: Matrix, epsilon: number) => readonly Part[],
): Traced[] {
  const { lead, all, dtype } = matrices(name, operand(input));
  const epsilon = dtype === 'float64' ? Number.EPSILON : 2 ** -23;
  const parts = all.map((matrix) => decompose(matrix, epsilon));
  if (parts.length === 0) fail(`${name}: a batch of no matrices`);
  return parts[0]!.map(({ dims }, i) => {
    const data = parts.flatMap((one) => Array.from(one[i]!.data));
    return created(Tensor.from(data, dtype, [...lead, ...dims]));
  });
}

/** The matrices of a batch, and the batch's own dimensions. */
function matrices(name: string, input: Traced) {
  if (asProxy(input) instanceof TensorProxy) {
    fail(
      `${name}: ONNX Runtime cannot compute it, so that it takes tensors with their elements: save the value, and call ${name}() after the trace, or in the function of tracer.apply()`,
    );
  }
  const { dtype, dims, data } = input as AnyTensor;
  if (dims.length < 2) {
    fail(`linalg.${name}: The input tensor A must have at least 2 dimensions.`);
  }
  if (!isFloatDType(dtype) || dtype === 'float16') {
    fail(`linalg.${name}: expected a tensor of float32 or float64 as input, got ${dtype}: convert it with float()`);
  }
  const { Matrix } = loaded();
  const lead = dims.slice(0, -2);
  const [rows, columns] = dims.slice(-2) as [number, number];
  const count = lead.reduce((product, size) => product * size, 1);
  const all = Array.from({ length: count }, (_, i) => {
    const matrix = Matrix.zeros(rows, columns);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        matrix.set(row, column, Number(data[(i * rows + row) * columns + column]));
      }
    }
    return matrix;
  });
  return { lead, all, dtype };
}

/** Without the vectors that belong to no singular value. */
function thinSvd(matrix: Matrix): { readonly u: Matrix; readonly s: readonly number[]; readonly v: Matrix } {
  if (matrix.rows < matrix.columns) {
    const { u, s, v } = thinSvd(matrix.transpose());
    return { u: v, s, v: u };
  }
  const { Matrix, EigenvalueDecomposition } = loaded();
  const { rows, columns } = matrix;
  if (columns === 0) return { u: Matrix.zeros(rows, 0), s: [], v: Matrix.zeros(0, 0) };
  if (!matrix.to1DArray().every(Number.isFinite)) fail('linalg.svd: the input matrix contains non-finite values');
  // The eigenvectors of the matrix times itself are near, and the rotations then few.
  const square = matrix.transpose().mmul(matrix);
  const near = new EigenvalueDecomposition(square, { assumeSymmetric: true }).eigenvectorMatrix;
  const { values, left, right } = decomposed(columnsOf(matrix.mmul(near)), columnsOf(near));
  const found = left.filter((vector) => vector.some((x) => x !== 0)).map((vector) => [...vector]);
  return {
    u: basis(found, rows, columns),
    s: values,
    v: basis(
      right.map((vector) => [...vector]),
      columns,
      columns,
    ),
  };
}

function columnsOf(matrix: Matrix): Float64Array[] {
  return Array.from({ length: matrix.columns }, (_, i) => Float64Array.from(matrix.getColumn(i)));
}

/** A matrix of orthonormal columns, the first of which are given: as many as a basis of the space has. */
function completed(columns: Matrix): Matrix {
  const given = Array.from({ length: columns.columns }, (_, i) => columns.getColumn(i));
  return basis(given, columns.rows, columns.rows);
}

/** `count` orthonormal columns of a size, the first of which are given. */
function basis(given: readonly number[][], size: number, count: number): Matrix {
  const { Matrix } = loaded();
  const all = [...given];
  for (let axis = 0; all.length < count; axis++) {
    const vector = Array.from({ length: size }, (_, i) => (i === axis ? 1 : 0));
    // Twice: what is left of a vector after the first time is not exact where little is left.
    for (let turn = 0; turn < 2; turn++) for (const one of all) subtract(vector, one);
    const length = Math.hypot(...vector);
    // The axes together reach everything, so that one of those that are left is far enough from all before.
    if (length > 1 / (2 * size)) all.push(vector.map((x) => x / length));
  }
  return count === 0 ? Matrix.zeros(size, 0) : new Matrix(all).transpose();
}

/** Takes the part along a unit vector off. */
function subtract(vector: number[], unit: readonly number[]): void {
  const along = vector.reduce((sum, x, i) => sum + x * unit[i]!, 0);
  for (let i = 0; i < vector.length; i++) vector[i]! -= along * unit[i]!;
}

/** Singular values that are nothing but rounding errors count as zeros, as in PyTorch. */
function inverse(matrix: Matrix, epsilon: number): Matrix {
  const { Matrix } = loaded();
  const { u, s, v } = thinSvd(matrix);
  const least = epsilon * Math.max(matrix.rows, matrix.columns) * (s[0] ?? 0);
  const scales = s.map((value) => (value > least ? 1 / value : 0));
  if (s.length === 0) return Matrix.zeros(matrix.columns, matrix.rows);
  return v.mulRowVector(scales).mmul(u.transpose());
}
