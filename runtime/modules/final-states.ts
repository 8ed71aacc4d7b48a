import type { GraphProto } from '../onnx/proto.ts';

/** Operators whose further outputs are final states. */
const RECURRENT = new Set(['LSTM', 'GRU', 'RNN']);

const known = new WeakMap<GraphProto, ReadonlySet<string>>();

/** The final states of a graph's recurrent operators, and those of several layers or directions joined. */
export function finalStates(graph: GraphProto): ReadonlySet<string> {
  let states = known.get(graph);
  if (!states) {
    states = statesOf(graph);
    known.set(graph, states);
  }
  return states;
}

function statesOf({ node }: GraphProto): ReadonlySet<string> {
  const states = new Set<string>();
  for (const { opType, input, output } of node) {
    if (RECURRENT.has(opType)) for (const name of output.slice(1)) states.add(name);
    if (opType === 'Concat' && input.every((name) => states.has(name))) for (const name of output) states.add(name);
  }
  states.delete('');
  return states;
}
