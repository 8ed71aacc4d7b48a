import { isStandard } from '../onnx/domains.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { NodeProto } from '../onnx/proto.ts';
import { isElementwiseOperator } from './elementwise.ts';

/** Standard operators the shape of whose result follows from the shapes of their inputs, whatever the elements are. */
const BY_SHAPES: ReadonlySet<string> = new Set(
  'ArgMax ArgMin AveragePool BatchNormalization Concat Conv ConvInteger ConvTranspose CumSum DepthToSpace DequantizeLinear DynamicQuantizeLinear Einsum Flatten Gather GatherElements GatherND Gemm GlobalAveragePool GlobalMaxPool GRU GroupNormalization Hardmax InstanceNormalization LayerNormalization LpNormalization LRN LSTM MatMul MatMulInteger MaxPool MeanVarianceNormalization PRelu QLinearConv QLinearMatMul QuantizeLinear RMSNormalization RNN ScatterElements ScatterND Shape Size SpaceToDepth Transpose Trilu'.split(
    ' ',
  ),
);

const known = new WeakMap<OnnxModel, ReadonlySet<string>>();

/**
 * The tensors of a graph whose elements may tell the shape of something: what shapes, axes and positions are made of.
 * Those of all other tensors are of no matter to shapes.
 */
export function tellingTensors(model: OnnxModel): ReadonlySet<string> {
  const found = known.get(model) ?? findTelling(model);
  known.set(model, found);
  return found;
}

function findTelling({ graph, links }: OnnxModel): ReadonlySet<string> {
  const telling = new Set<string>();
  for (let index = graph.node.length - 1; index >= 0; index--) {
    const node = graph.node[index]!;
    if (!isTelling(node, telling)) continue;
    for (const name of links.reads[index]!) telling.add(name);
  }
  return telling;
}

function isTelling(node: NodeProto, telling: ReadonlySet<string>): boolean {
  if (!isStandard(node)) return true;
  if (node.opType === 'Shape' || node.opType === 'Size') return false;
  const isByShapes = BY_SHAPES.has(node.opType) || isElementwiseOperator(node.opType);
  return !isByShapes || node.output.some((name) => telling.has(name));
}
