import type { GraphProto } from './proto.ts';

/** Operators whose further outputs are final states. */
export const RECURRENT = new Set(['LSTM', 'GRU', 'RNN']);

/** The final states of a graph's recurrent operators, and those of several layers or directions joined. */
export function finalStates({ node }: GraphProto): ReadonlySet<string> {
  const states = new Set<string>();
  for (const { opType, input, output } of node) {
    if (RECURRENT.has(opType)) for (const name of output.slice(1)) states.add(name);
    if (opType === 'Concat' && input.every((name) => states.has(name))) for (const name of output) states.add(name);
  }
  states.delete('');
  return states;
}
