import type { OnnxModel } from '../onnx/model.ts';
import type { GraphProto } from '../onnx/proto.ts';
import { namedAfterNode } from './builder-names.ts';
import { FX_NODE, foldedWeights } from './folded-weights.ts';
import { scopes } from './names.ts';

const SIGNATURE = 'pkg.torch.export.ExportedProgram.graph_signature';
/**
 * Names that exporters give to weights they have computed, by folding a transpose or a batch norm into others, and
 * optimizers to constants, after the node that made them (`/h.0/attn/Constant_output_0`).
 */
const ANONYMOUS = /^\/|::|^[^.]*$|^Conv(Add|Mul|Bn)Fusion_/;

/**
 * The parameters of a model by their paths in the original module (`transformer.h.0.attn.c_attn.weight`), each with
 * the name of the initializer that holds it. Equal ones were merged by the exporter and share an initializer;
 * one that the exporter has changed (transposed, folded into another) is no longer in the file and left out.
 */
export function parameters(model: OnnxModel): Map<string, string> {
  const { graph } = model;
  const found = new Map<string, string>();
  for (const { name } of graph.initializer) if (!ANONYMOUS.test(name)) found.set(name, name);
  // The TorchScript exporter keeps the second name of a merged parameter as an Identity of the first.
  for (const { opType, input, output } of graph.node) {
    const from = found.get(input[0] ?? '');
    const name = output[0] ?? '';
    if (opType === 'Identity' && from !== undefined && !ANONYMOUS.test(name)) found.set(name, from);
  }
  for (const node of graph.node) {
    const named = node.opType === 'Add' ? namedAfterNode(node) : null;
    if (named && found.has(named.initializer)) found.set(named.path, named.initializer);
  }
  for (const [path, initializer] of mergedParameters(graph, found)) found.set(path, initializer);
  for (const [path, initializer] of tiedEmbeddings(graph, found)) found.set(path, initializer);
  for (const path of foldedWeights(graph).keys()) found.delete(path);
  return found;
}

/** Paths of all parameters the file names, whether or not their values are still in it. */
export function parameterPaths(graph: GraphProto): Set<string> {
  const paths = new Set(parametersByFxName(graph).values());
  for (const { name } of graph.initializer) if (!ANONYMOUS.test(name)) paths.add(name);
  for (const { opType, output } of graph.node) {
    if (opType === 'Identity' && !ANONYMOUS.test(output[0] ?? '')) paths.add(output[0]!);
  }
  return paths;
}

/** Whether an initializer is one that the exporter made, not one of the original module's parameters. */
export function isAnonymous(name: string): boolean {
  return ANONYMOUS.test(name);
}

/** The parameters that torch.export lists: what its nodes call them (`p_cell_weight`), and their paths. */
export function parametersByFxName(graph: GraphProto): Map<string, string> {
  const text = graph.metadataProps.find(({ key }) => key === SIGNATURE)?.value ?? '';
  const lines = text.matchAll(/^(\w+): (?:PARAMETER|BUFFER) target='([^']+)'/gm);
  return new Map([...lines].map(([, name, path]) => [name!, path!]));
}

/**
 * The dynamo exporter merges equal parameters and drops the second name, but its nodes still quote the call they came
 * from (`linear(args = (%x, %p_head_weight))`): its parameters stand in the order of the node's initializers.
 */
function mergedParameters(graph: GraphProto, found: ReadonlyMap<string, string>): Map<string, string> {
  const merged = new Map<string, string>();
  const paths = parametersByFxName(graph);
  for (const { input, metadataProps } of graph.node) {
    const call = metadataProps.find(({ key }) => key === FX_NODE)?.value ?? '';
    const quoted = [...call.matchAll(/%(\w+)/g)]
      .map(([, name]) => paths.get(name!))
      .filter((path) => path !== undefined);
    const named = input.filter((name) => found.has(name));
    if (quoted.length !== named.length) continue;
    quoted.forEach((path, i) => {
      if (!found.has(path)) merged.set(path, named[i]!);
    });
  }
  return merged;
}

/** An embedding tied to another weight has no parameter left of its own name: its table is what its node gathers from. */
function tiedEmbeddings(graph: GraphProto, found: ReadonlyMap<string, string>): Map<string, string> {
  const paths = parameterPaths(graph);
  const tied = new Map<string, string>();
  if ([...paths].every((path) => found.has(path))) return tied;
  scopes(graph.node, paths).forEach((scope, index) => {
    const { opType, input } = graph.node[index]!;
    const path = `${scope?.modules.at(-1)}.weight`;
    const table = found.get(input[0] ?? '');
    if (opType === 'Gather' && table !== undefined && paths.has(path) && !found.has(path)) tied.set(path, table);
  });
  return tied;
}
