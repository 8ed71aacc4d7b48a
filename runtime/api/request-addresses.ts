import { GraphError } from '../graph/error.ts';
import { forwardOf, isForwardNode } from '../graph/forwards.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import type { Node, NodeOf, Value } from '../graph/types.ts';
import { withRegions } from '../graph/walk.ts';
import { dtypeName } from '../onnx/dtypes.ts';
import type { ModelMap } from './model-map.ts';

/**
 * Checks what a graph that came as data says of the models: modules, their tensors and dtypes, inputs of models that are
 * called. Throws a GraphError.
 * @param maps of the models, by the numbers of the graph's forwards
 */
export function checkAddresses(maps: readonly ModelMap[], graph: InterventionGraph): void {
  for (const node of withRegions(graph.root.nodes)) {
    if (!isForwardNode(node)) continue;
    const map = maps[forwardOf(node)]!;
    try {
      if (node.op === 'forward') checkOpening(map, node);
      else check(map, node);
    } catch (error) {
      const at = placeOf(node, graph);
      throw new GraphError(`${at}: ${toldOf(error)}`, { cause: error });
    }
  }
}

/** What is wrong, without the line of this program that an error of a block would begin with. */
function toldOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message.replace(/^(?:\S+:\d+:\d+ - )+/, '');
}

function placeOf(node: Node, { root }: InterventionGraph): string {
  const index = root.nodes.findIndex((one) => one === node || [...withRegions([one])].includes(node));
  return `root.nodes[${index}] (${node.op})`;
}

function checkOpening({ model }: ModelMap, { attributes, inputs }: NodeOf<'forward'>): void {
  const wanted = model.inputs.map(({ name }) => name);
  if (String([...attributes.inputs].sort()) !== String([...wanted].sort())) {
    throw new GraphError(`the model takes ${wanted.join(', ')}, and the graph gives ${attributes.inputs.join(', ')}`);
  }
  attributes.inputs.forEach((name, i) => {
    const { dtype } = model.inputs.find((input) => input.name === name)!;
    const given = inputs[i]!.type.dtype;
    if (dtype !== given) throw new GraphError(`the model's input ${name} is ${dtype}, but the graph gives ${given}`);
  });
}

function check(map: ModelMap, node: Extract<Node, { op: 'read' | 'write' | 'call' }>): void {
  const { tensor, inputs, outputs } = map.locate(node.attributes);
  if (node.op === 'read') checkTypes(map, node.outputs, [tensor]);
  else if (node.op === 'write') checkTypes(map, node.inputs, [tensor]);
  else {
    checkTypes(map, node.inputs, inputs);
    checkTypes(map, node.outputs, outputs);
  }
}

function checkTypes({ model }: ModelMap, values: readonly Value[], tensors: readonly string[]): void {
  if (values.length !== tensors.length) {
    throw new GraphError(`the module has ${tensors.length} tensors there, and the graph gives ${values.length}`);
  }
  values.forEach(({ type }, i) => {
    const dtype = dtypeName(model.elementTypes.get(tensors[i]!) ?? 0);
    if (dtype === null || dtype === type.dtype) return;
    throw new GraphError(`the model's ${tensors[i]} is ${dtype}, but the graph says ${type.dtype}`);
  });
}
