import type { OnnxModel } from '../onnx/model.ts';
import { foldedWeights } from './folded-weights.ts';
import type { Module } from './module.ts';
import { isAnonymous, parameterPaths } from './parameters.ts';
import { READS_FEW_BITS } from './quantized-weights.ts';
import { tensorTexts } from './tensor-texts.ts';

const REMEDY =
  'To keep weights as PyTorch has them, export with optimize=False (dynamo), or with do_constant_folding=False and training=TrainingMode.PRESERVE (TorchScript).';

/**
 * Why a module's parameter cannot be read although PyTorch has it: it is quantized, or the exporter has transposed it, or
 * folded another module into it. Null where nothing tells of such a parameter.
 */
export function lostParameter({ graph }: OnnxModel, module: Module, name: string): string | null {
  const path = module.path === '' ? name : `${module.path}.${name}`;
  const batchNorm = foldedWeights(graph).get(path);
  if (batchNorm !== undefined) {
    return `${path} is not in this file: the exporter has folded the batch norm ${batchNorm} into it, and what stands under its name is the product of both. ${REMEDY}`;
  }
  const rounded = quantizedBy(graph, module);
  if (name === 'weight' && rounded !== null) {
    return `${path} is quantized in this file: ${rounded} works with it in a few bits, together with other weights or in a way that cannot be read. ${FLOATS}`;
  }
  if (module.operations.length === 0 && parameterPaths(graph).has(path) && isQuantized(graph)) {
    return `${path} is quantized in this file, which does not tell which of its tensors is that weight. ${FLOATS}`;
  }
  const made = madeWeights(graph, module);
  const isNamed = parameterPaths(graph).has(path) || ((name === 'weight' || name === 'bias') && made.length > 0);
  if (!isNamed) return null;
  const instead = made.length === 0 ? '' : `: the module reads ${made.join(' and ')} instead`;
  return `${path} is not in this file as PyTorch has it, but transposed or folded into another weight${instead}. ${REMEDY}`;
}

const FLOATS = "Read it from a file of the model with dtype 'fp32' or 'fp16'.";

function isQuantized(graph: OnnxModel['graph']): boolean {
  return graph.node.some(({ opType }) => READS_FEW_BITS.test(opType));
}

/** The operator of a module that takes its weight in few bits; null if none does. */
function quantizedBy(graph: OnnxModel['graph'], { operations, children }: Module): string | null {
  if (children.size > 0) return null;
  const weights = new Set(graph.initializer.map(({ name }) => name));
  const found = operations.find(
    ({ node, opType }) => READS_FEW_BITS.test(opType) && graph.node[node]!.input.some((name) => weights.has(name)),
  );
  return found?.opType ?? null;
}

/** What to know where a name that is not there may be that of a parameter; null where the module has its own ones. */
export function lostParameters({ graph }: OnnxModel, module: Module): string | null {
  const made = madeWeights(graph, module);
  if (made.length === 0) return null;
  return `If it is a parameter: of those of ${module.path || 'the model'} the exporter has made ${made.join(' and ')}, by transposing or folding. ${REMEDY}`;
}

/** The weights that a module's operations read and that the exporter has made, with their types. */
function madeWeights(graph: OnnxModel['graph'], { operations, children }: Module): string[] {
  if (children.size > 0) return [];
  const texts = tensorTexts(graph);
  const weights = new Set(graph.initializer.filter(({ dims }) => dims.length > 0).map(({ name }) => name));
  const read = operations.flatMap(({ node }) => graph.node[node]!.input);
  const made = [...new Set(read)].filter(
    (name) => weights.has(name) && isAnonymous(name) && !/^(onnsight:|\/)/.test(name),
  );
  return made.map((name) => `${name} (${texts.get(name) ?? 'a tensor'})`);
}
