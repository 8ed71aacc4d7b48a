import type { OnnxModel } from '../onnx/model.ts';
import type { NodeProto } from '../onnx/proto.ts';
import { namedAfterNode } from './builder-names.ts';
import { foldedWeights } from './folded-weights.ts';
import { type Module, walk } from './module.ts';
import { isAnonymous, parameterPaths } from './parameters.ts';

/** Operations that a linear layer may have beside its product: its bias, and in half precision conversions. */
const BESIDE: ReadonlySet<string> = new Set(['Add', 'Identity', 'Cast']);

/**
 * The weights of linear layers that the file has transposed, under a name of the exporter's (`onnx::MatMul_1070`,
 * `val_92`): their paths, and the initializers, which are [in, out] where PyTorch's weight is [out, in]. What a layer does
 * tells, not the name: a module without children that multiplies by one matrix, which nothing else in the file names.
 * @param tree the model's modules
 * @param found the parameters that the file names
 */
export function transposedWeights(
  { graph, initializers }: OnnxModel,
  tree: Module,
  found: ReadonlyMap<string, string>,
): Map<string, string> {
  const paths = parameterPaths(graph);
  const folded = foldedWeights(graph);
  const weights = new Map<string, string>();
  for (const { path, className, children, operations } of walk(tree)) {
    const weight = `${path}.weight`;
    const isLinear = className === null || className.includes('Linear') || paths.has(weight);
    if (path === '' || found.has(weight) || children.size > 0 || !isLinear) continue;
    const factors = operations.flatMap(({ node, opType }) => (BESIDE.has(opType) ? [] : [factorOf(graph.node[node]!)]));
    const [factor = null, ...others] = new Set(factors);
    if (factor === null || others.length > 0 || !isAnonymous(factor) || folded.has(factor)) continue;
    if (initializers.get(factor)?.dims.length === 2) weights.set(weight, factor);
  }
  // The builder of onnxruntime-genai has transposed every matrix that it names so.
  for (const node of graph.node) {
    const named = node.opType === 'MatMul' ? namedAfterNode(node) : null;
    if (!named || found.has(named.path)) continue;
    if (initializers.get(named.initializer)?.dims.length === 2) weights.set(named.path, named.initializer);
  }
  return weights;
}

/** The matrix that a node multiplies by from the right, as it is; null for another node. */
function factorOf({ opType, input, attribute }: NodeProto): string | null {
  const isProduct =
    opType === 'MatMul' || (opType === 'Gemm' && !attribute.some(({ name, i }) => /^trans/.test(name) && i));
  return isProduct ? (input[1] ?? null) : null;
}
