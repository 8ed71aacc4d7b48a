import type { GraphProto, ModelProto } from '../onnx/proto.ts';
import type { Backward, BackwardRequest } from './backward.ts';

/** Operators that take longer than all others: their outputs are kept instead of being computed again. */
const HEAVY: ReadonlySet<string> = new Set([
  'Attention',
  'Conv',
  'ConvTranspose',
  'Einsum',
  'FusedConv',
  'FusedGemm',
  'FusedMatMul',
  'GRU',
  'Gemm',
  'GroupQueryAttention',
  'LSTM',
  'MatMul',
  'MatMulNBits',
  'MultiHeadAttention',
  'RNN',
  'Softmax',
]);

/**
 * The derivative of a model to which all is handed over that it would compute again at some length, and what of that it
 * needs: where a run of the model gives these as well, the backward pass need not.
 */
export function fromResiduals(
  model: ModelProto,
  request: BackwardRequest,
  write: (model: ModelProto, request: BackwardRequest) => Backward,
): { readonly derivative: Backward; readonly residuals: readonly string[] } {
  const given = request.given ?? new Set();
  const heavy = heavyIn(model.graph!);
  const derivative = write(model, { ...request, given: new Set([...given, ...heavy]) });
  return { derivative, residuals: derivative.inputs.filter((tensor) => heavy.has(tensor) && !given.has(tensor)) };
}

/** The outputs of heavy nodes; after the bias, as ONNX Runtime fuses its addition. */
function heavyIn({ node, initializer }: GraphProto): ReadonlySet<string> {
  const weights = new Set(initializer.map(({ name }) => name));
  const heavy = new Set<string>();
  for (const { opType, input, output } of node) {
    const isBiased = opType === 'Add' && input.some((tensor) => weights.has(tensor));
    if (HEAVY.has(opType) || (isBiased && input.some((tensor) => heavy.has(tensor)))) heavy.add(output[0]!);
  }
  return heavy;
}
