import { intsAttribute } from '../onnx/attributes.ts';
import { RECURRENT } from '../onnx/final-states.ts';
import type { OnnxModel } from '../onnx/model.ts';
import { type Module, walk } from './module.ts';

/** Where sequences of recurrent modules have the dims of the file's operators: [sequence, batch, features]. */
export interface TurnedSequences {
  /** What such modules give others. */
  readonly tensors: ReadonlySet<string>;
  /** The paths of modules that take them so, from whatever other module. */
  readonly inputs: ReadonlySet<string>;
}

/**
 * In PyTorch a module with `batch_first` has the batch first. In its file it turns what it takes, and turns back what it
 * gives; where two transpositions meet between modules, exporters leave both out.
 */
export function turnedSequences(tree: Module, { graph, links }: OnnxModel): TurnedSequences {
  const tensors = new Set<string>();
  const inputs = new Set<string>();
  /** All that recurrent operators make of what was turned. */
  const made = new Set<string>();
  const isTurn = (index: number, dims: number) =>
    graph.node[index]!.opType === 'Transpose' && intsAttribute(graph.node[index]!, 'perm')?.length === dims;
  for (const { index, path, own } of recurrentNodes(tree, graph.node)) {
    const readers = (name: string) => (links.readers.get(name) ?? []).filter((reader) => own.has(reader));
    const x = graph.node[index]!.input[0]!;
    const maker = links.maker.get(x);
    const isTurnedIn = made.has(x) || (maker !== undefined && own.has(maker) && isTurn(maker, 3));
    // The operator gives [sequence, directions, batch, features]; what follows makes one of directions and features.
    let y = graph.node[index]!.output[0]!;
    const joins = (reader: number) => ['Squeeze', 'Reshape'].includes(graph.node[reader]!.opType) || isTurn(reader, 4);
    for (let next = readers(y).find(joins); next !== undefined; next = readers(y).find(joins))
      y = graph.node[next]!.output[0]!;
    const isTurnedOut = readers(y).some((reader) => isTurn(reader, 3));
    if (isTurnedIn) made.add(y);
    if (isTurnedIn && links.readers.get(y)?.some((reader) => !own.has(reader))) tensors.add(y);
    if (isTurnedOut && !isTurnedIn) inputs.add(path);
  }
  return { tensors, inputs };
}

interface RecurrentNode {
  readonly index: number;
  readonly path: string;
  /** The nodes of its module's call. */
  readonly own: ReadonlySet<number>;
}

/** The recurrent operators in modules, in the order they run. */
function recurrentNodes(tree: Module, nodes: OnnxModel['graph']['node']): RecurrentNode[] {
  const found: RecurrentNode[] = [];
  for (const { path, children, calls } of walk(tree)) {
    if (path === '' || children.size > 0) continue;
    for (const call of calls) {
      const recurrent = call.nodes.filter((index) => RECURRENT.has(nodes[index]!.opType));
      if (recurrent.length === 0) continue;
      const own = new Set(call.nodes);
      found.push(...recurrent.map((index) => ({ index, path, own })));
    }
  }
  return found.sort((a, b) => a.index - b.index);
}
