import type { GraphProto, NodeProto } from '../onnx/proto.ts';
import { scopes } from './names.ts';

/** The metadata in which the dynamo exporter keeps the call of PyTorch that a node comes from, and the rule that rewrote it. */
export const FX_NODE = 'pkg.torch.onnx.fx_node';
const RULE = 'pkg.onnxscript.rewriter.rule_name';

/**
 * Paths under which the file has values that are not the module's, each with the batch norm that the exporter has
 * multiplied into them: the dynamo exporter keeps the names of a convolution or linear layer for what came of the two.
 */
export function foldedWeights({ node, initializer }: GraphProto): Map<string, string> {
  const folded = new Map<string, string>();
  const isFolded = node.map(tellsOfBatchNorm);
  if (!isFolded.includes(true)) return folded;
  const initializers = new Set(initializer.map(({ name }) => name));
  scopes(node, new Set()).forEach((scope, index) => {
    if (!isFolded[index]) return;
    const batchNorm = scope?.modules.at(-1) ?? 'behind it';
    for (const name of node[index]!.input) if (initializers.has(name)) folded.set(name, batchNorm);
  });
  return folded;
}

const WEIGHTED: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);

/** Whether a node that multiplies by weights says that it comes from a batch norm. */
function tellsOfBatchNorm({ opType, metadataProps }: NodeProto): boolean {
  if (!WEIGHTED.has(opType)) return false;
  return metadataProps.some(
    ({ key, value }) =>
      (key === RULE && value.startsWith('FuseBatchNormInto')) || (key === FX_NODE && /^\s*%\w*batch_norm/.test(value)),
  );
}
