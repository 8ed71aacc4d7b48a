import type { Case } from '../harness.ts';
import { normal } from '../values.ts';
import { oneNode } from './case.ts';

function matmul(name: string, a: readonly number[], b: readonly number[]): Case {
  return oneNode('MatMul', { a: normal(...a), b: normal(...b) }, {}, { name: `MatMul ${name}` });
}

function einsum(equation: string, ...shapes: readonly (readonly number[])[]): Case {
  const inputs = Object.fromEntries(shapes.map((dims, i) => [`x${i}`, normal(...dims)]));
  return oneNode('Einsum', inputs, { equation: { string: equation } }, { name: `Einsum ${equation}` });
}

/** Gradients by products of matrices. */
export const PRODUCTS: readonly Case[] = [
  matmul('of matrices', [3, 4], [4, 5]),
  matmul('by a matrix', [2, 3, 4], [4, 5]),
  matmul('of a matrix by many', [3, 4], [2, 4, 5]),
  matmul('of many by many', [2, 3, 4], [2, 4, 5]),
  matmul('of many that stretch', [2, 1, 3, 4], [3, 4, 5]),
  matmul('of one by many', [1, 3, 4], [2, 4, 5]),
  matmul('of no rows', [2, 0, 4], [4, 5]),
  oneNode('MatMul', { a: normal(2, 3, 4) }, {}, { name: 'MatMul by a weight', constants: { w: normal(4, 5) } }),
  oneNode(
    'MatMul',
    { w: normal(4, 5) },
    {},
    {
      name: 'MatMul of a constant by a weight',
      constants: { a: normal(2, 3, 4) },
      order: ['a', 'w'],
    },
  ),
  oneNode('MatMul', { a: normal(3, 3) }, {}, { name: 'MatMul by itself', order: ['a', 'a'] }),
  matmul('of a vector by many', [4], [2, 4, 5]),
  matmul('of many by a vector', [2, 3, 4], [4]),
  matmul('of a vector by a matrix', [4], [4, 5]),
  matmul('of a matrix by a vector', [3, 4], [4]),
  matmul('of vectors', [4], [4]),
  ...[0, 1].flatMap((a) =>
    [0, 1].map((b) =>
      oneNode(
        'Gemm',
        { a: a ? normal(4, 3) : normal(3, 4), b: b ? normal(5, 4) : normal(4, 5), c: normal(5) },
        { transA: { int: a }, transB: { int: b }, alpha: { float: 0.5 }, beta: { float: 2 } },
      ),
    ),
  ),
  oneNode('Gemm', { a: normal(3, 4), b: normal(4, 5) }, {}, { name: 'Gemm without a bias' }),
  oneNode('Gemm', { a: normal(3, 4), b: normal(4, 5), c: normal(3, 1) }, {}, { name: 'Gemm with a column' }),
  oneNode('Gemm', { a: normal(3, 4), b: normal(4, 5), c: normal() }, {}, { name: 'Gemm with a scalar' }),
  einsum('bhqd,bhkd->bhqk', [2, 2, 3, 4], [2, 2, 5, 4]),
  einsum('...ij,...jk->...ik', [2, 3, 4], [1, 4, 5]),
  einsum('...ij,jk->...ik', [2, 3, 4], [4, 5]),
  einsum('ij,jk->k', [3, 4], [4, 5]),
  einsum('ij,jk', [3, 4], [4, 2]),
  einsum('ji', [3, 4]),
  einsum('ij->', [3, 4]),
  einsum('ii->i', [3, 3]),
  einsum('ii->', [3, 3]),
  einsum('iji,jk->ik', [3, 2, 3], [2, 4]),
  einsum('i,j,k->ijk', [2], [3], [4]),
  oneNode(
    'DequantizeLinear',
    { s: { dtype: 'float', dims: [], data: [0.5] } },
    {},
    {
      name: 'DequantizeLinear by its scale',
      constants: {
        q: { dtype: 'int8', dims: [2, 3], data: [-7, 3, 0, 5, 100, -128] },
        z: { dtype: 'int8', dims: [], data: [4] },
      },
      order: ['q', 's', 'z'],
      refused: { nothing: 'scales for parts of a tensor', 'no constants': 'scales for parts of a tensor' },
      float: 'float32',
    },
  ),
];
