import type { OnnxModel } from '../onnx/model.ts';
import type { GraphProto, NodeProto } from '../onnx/proto.ts';

/*
 * Norms of some architectures multiply by their weight and 1. The builder of onnxruntime-genai adds the 1 when it writes the
 * file, and its norms then multiply by what is there. No norm's own nodes tell: what else these architectures have does.
 */

/** The parameters that stand in the file with 1 added to PyTorch's, by their paths. */
export function raisedWeights({ graph }: OnnxModel, parameters: ReadonlyMap<string, string>): ReadonlySet<string> {
  if (!isOfBuilder(graph) || !(scalesByWidth(graph) || squaresRelu(graph) || mixesAttention(graph))) return new Set();
  return new Set([...parameters.keys()].filter((path) => NORM.test(path) && !path.includes('.linear_attn.')));
}

const NORM = /norm\w*\.weight$/;

/** What the builder calls its norms; no exporter does. */
function isOfBuilder({ node }: GraphProto): boolean {
  return node.some(({ name }) => /^\/model\/layers\.\d+\/input_layernorm\/(Skip)?LayerNorm$/.test(name));
}

/** Gemma multiplies its embeddings by the root of their width, in their own module; Granite, which scales layers, too, in the model. */
export function scalesByWidth({ node, initializer }: GraphProto): boolean {
  const scale = node.find(isEmbeddingScale);
  if (!scale || node.some(({ name }) => name.includes('/residual_mul/'))) return false;
  const factor = scale.input.flatMap((name) => CONSTANT.exec(name)?.[1] ?? []).map(Number)[0];
  const norm = node.find(({ name }) => name === '/model/layers.0/input_layernorm/LayerNorm');
  if (norm?.opType !== 'SimplifiedLayerNormalization') return false;
  const [width = 0] = initializer.find(({ name }) => name === norm.input[1])?.dims ?? [];
  return factor !== undefined && Math.abs(factor - Math.sqrt(Number(width))) < 0.01;
}

/** The builder's name for a number tells it. */
const CONSTANT = /^\/model\/constants\/.*\/(\d+(?:\.\d+)?)$/;

/** Whether a node is the builder's product of embeddings and a number. Exporters call their own numbers otherwise. */
export function isEmbeddingScale({ opType, name, input }: NodeProto): boolean {
  return opType === 'Mul' && name === '/model/embed_tokens/Mul' && input.some((one) => CONSTANT.test(one));
}

/** Nemotron's layers have the square of a ReLU. */
function squaresRelu({ node }: GraphProto): boolean {
  return node.some(({ name }) => /^\/model\/layers\.\d+\/mlp\/square\/Relu2\/pow$/.test(name));
}

/** Qwen 3.5 has linear attention in some layers, and gates in the queries of others. */
function mixesAttention({ node }: GraphProto): boolean {
  return node.some(({ name }) => /^\/model\/layers\.\d+\/(linear_attn|attn\/q_gate_split)\//.test(name));
}
