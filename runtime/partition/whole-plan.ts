import type { InterventionGraph } from '../graph/graph.ts';
import { keyOf } from '../graph/key.ts';
import type { Locate } from '../lowering/address.ts';
import { type Lowered, lower } from '../lowering/lower.ts';
import { siteNames } from '../lowering/site-names.ts';
import type { OnnxModel } from '../onnx/model.ts';
import { isWorthSimplifying } from './many-bodies.ts';
import type { Plan, Program } from './plan.ts';
import { Registers } from './registers.ts';

/** Runs the model as one program with the interventions inside. Throws a TraceError on what cannot be. */
export function wholePlan(
  model: OnnxModel,
  graph: InterventionGraph,
  locate: Locate,
  weights: (initializers: readonly string[]) => number,
  maxIterations?: number,
): Plan {
  const lowered = lower(model, graph, locate, { siteName: siteNames(graph.root.nodes), maxIterations });
  const registers = new Registers(
    graph,
    model.inputs.map(({ name }) => name),
  );
  // An input of the model that is read is that input.
  const inputs = new Set(model.inputs.map(({ name }) => name));
  for (const node of graph.root.nodes) {
    if (node.op !== 'read') continue;
    const { tensor } = locate(node.attributes);
    if (inputs.has(tensor)) registers.alias(node.outputs[0]!, tensor);
  }
  const operands = [...graph.operands.keys()];
  const feeds = [
    ...lowered.inputs.map((name) => ({ name, register: registers.of(name) })),
    ...lowered.operands.map(({ position, name }) => ({
      name,
      register: registers.of(operands[position]!.outputs[0]!),
    })),
  ];
  const outputs = new Map(graph.saves.map(({ value }, i) => [lowered.outputs[i]!, value]));
  graph.saves.forEach(({ value }, i) => {
    const first = outputs.get(lowered.outputs[i]!)!;
    if (value !== first) registers.alias(value, first);
  });
  const { nodes: all } = graph.root;
  const key = wholeKey(graph.structuralKey());
  const program = programOf(key, weights(lowered.initializers), isWorthSimplifying(all), lowered);
  const fetches = [...outputs].map(([name, value]) => ({ name, register: registers.of(value) }));
  const nodes = graph.root.nodes.map((_, position) => position);
  return registers.plan([{ program, kind: 'whole', label: 'the whole model', feeds, fetches, nodes }], [], []);
}

/** The key of the program that runs a model whole, for graphs of a structure. */
export function wholeKey(structure: string): string {
  return keyOf('whole', structure);
}

/** By itself, so that what the program keeps does not hold the graph, and with it the trace that it was made in. */
function programOf(key: string, weights: number, simplify: boolean, { bytes, random }: Lowered): Program {
  return { key, kind: 'whole', weights, random, simplify, write: () => bytes };
}
