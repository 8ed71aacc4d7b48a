import type { Module } from '../modules/module.ts';

/** Operators that make features of the features of one position. */
const MIXING: ReadonlySet<string> = new Set([
  ...['MatMul', 'Gemm', 'MatMulNBits'],
  ...['LayerNormalization', 'SimplifiedLayerNormalization', 'RMSNormalization'],
]);

/** Those of activations and scales, and what exporters write around a linear layer to make its input a matrix. */
const BESIDE: ReadonlySet<string> = new Set([
  ...['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Sqrt', 'Neg', 'Cast', 'Identity'],
  ...['Tanh', 'Erf', 'Gelu', 'Relu', 'Sigmoid', 'Silu', 'Swish', 'FastGelu', 'QuickGelu', 'BiasGelu'],
  ...['Shape', 'Gather', 'Slice', 'Concat', 'Reshape', 'Unsqueeze', 'Squeeze'],
]);

/**
 * Whether a module computes the features of each position from the features there (a linear layer, a norm, an MLP), by its
 * operators: PyTorch's takes any number of dimensions before the features.
 */
export function isTokenWise({ operations }: Module): boolean {
  return (
    operations.some(({ opType }) => MIXING.has(opType)) &&
    operations.every(({ opType }) => MIXING.has(opType) || BESIDE.has(opType))
  );
}

/** Whether a module does nothing but look rows up in a table (an embedding): the ids may have any dimensions. */
export function isLookUp({ operations }: Module): boolean {
  return operations.length === 1 && operations[0]!.opType === 'Gather';
}
