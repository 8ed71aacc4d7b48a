import { isFloat } from '../onnx/dtypes.ts';
import type { CallContext } from './call-context.ts';
import type { ModuleCall } from './module.ts';
import { returned } from './returned.ts';

/** The tensors that enter and leave the nodes of one call. */
export function describeCall(nodes: readonly number[], context: CallContext): ModuleCall {
  const { graph, links, types } = context;
  const own = new Set(nodes);
  const isRead = (name: string, inside: boolean) =>
    (links.readers.get(name) ?? []).some((reader) => own.has(reader) === inside);
  const leaves = (name: string) => name !== '' && (links.outputs.has(name) || isRead(name, false));
  const made = nodes.flatMap((index) => graph.node[index]!.output.filter(leaves));
  const entered = nodes.flatMap((index) => links.reads[index]!.filter((name) => !own.has(links.maker.get(name) ?? -1)));
  const changes = (name: string) => !links.constant.has(name);
  // Activations first, then other data (the indices of a top-k), then sizes and positions.
  const rank = (name: string) => (isFloat(types.get(name)) ? 0 : links.structural.has(name) ? 2 : 1);
  const byRank = (names: readonly string[]) => [...names].sort((a, b) => rank(a) - rank(b));

  const changing = made.some(changes) ? made.filter(changes) : made;
  const floats = changing.filter((name) => rank(name) === 0);
  const data = floats.filter((name) => !links.structural.has(name));
  // Numbers of tokens, places and experts are data, too: `return indices, weights`.
  const whole = changing.filter((name) => rank(name) === 1);
  const main = floats.length === 0 ? null : returned([...(data.length > 0 ? data : floats), ...whole], own, context);
  const first = main?.names ?? [];
  const outputs = [...first, ...byRank(changing.filter((name) => !first.includes(name) && rank(name) < 2))];
  return {
    outputs: outputs.length === 0 ? changing.slice(-1) : outputs,
    order: main?.order ?? 'sure',
    inputs: byRank([...new Set(entered)].filter(changes)),
    nodes,
  };
}
