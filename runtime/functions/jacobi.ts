/*
 * The singular value decomposition by one-sided Jacobi rotations (Hestenes): columns are turned in pairs until all are
 * orthogonal. It is exact for small singular values too, and comes to an end for every matrix, where ml-matrix's own goes
 * on forever with many matrices of low rank.
 */

type Column = Float64Array;

/**
 * `left[i]` and `right[i]`, of length 1, belong to `values[i]`, the largest first. Where it is nothing but a rounding error, `left[i]`
 * is zeros: no direction belongs to it.
 */
export interface Triplets {
  readonly values: number[];
  readonly left: Column[];
  readonly right: Column[];
}

/** Far more than are needed: the error falls with its square, and six to ten sweeps are usual. */
const SWEEPS = 60;

/**
 * The decomposition of a matrix of which `right` are near the right singular vectors, orthonormal, and `left` the products
 * of the matrix and these. Both are changed.
 */
export function decomposed(left: Column[], right: Column[]): Triplets {
  const squares = left.map((column) => dot(column, column));
  // What is so small against the whole matrix is a rounding error, and has no direction.
  const nothing = squares.reduce((sum, square) => sum + square, 0) * 16 * Number.EPSILON ** 2 * left.length;
  let isTurned = true;
  for (let sweep = 0; isTurned && sweep < SWEEPS; sweep++) {
    isTurned = false;
    for (let p = 0; p < left.length; p++) {
      for (let q = p + 1; q < left.length; q++) {
        const [a, b] = [squares[p]!, squares[q]!];
        if (a <= nothing && b <= nothing) continue;
        const product = dot(left[p]!, left[q]!);
        if (Math.abs(product) <= 4 * Number.EPSILON * Math.sqrt(a * b) || product * product <= nothing * nothing)
          continue;
        isTurned = true;
        const ratio = (b - a) / (2 * product);
        const tangent = Math.sign(ratio || 1) / (Math.abs(ratio) + Math.hypot(1, ratio));
        const cosine = 1 / Math.hypot(1, tangent);
        turn(left[p]!, left[q]!, cosine, tangent * cosine);
        turn(right[p]!, right[q]!, cosine, tangent * cosine);
        squares[p] = dot(left[p]!, left[p]!);
        squares[q] = dot(left[q]!, left[q]!);
      }
    }
  }
  const order = squares.map((square, i) => ({ value: Math.sqrt(square), i })).sort((a, b) => b.value - a.value);
  const least = Math.sqrt(nothing);
  return {
    values: order.map(({ value }) => value),
    left: order.map(({ value, i }) => left[i]!.map((x) => (value > least ? x / value : 0))),
    right: order.map(({ i }) => right[i]!),
  };
}

function dot(a: Column, b: Column): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function turn(p: Column, q: Column, cosine: number, sine: number): void {
  for (let i = 0; i < p.length; i++) {
    const x = p[i]!;
    const y = q[i]!;
    p[i] = cosine * x - sine * y;
    q[i] = sine * x + cosine * y;
  }
}
