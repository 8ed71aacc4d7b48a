import { narrow } from '../../graph/passes/narrow.ts';
import { narrowCalls } from '../../graph/passes/narrow-calls.ts';
import { RowWiseEnds } from '../../partition/row-wise.ts';
import type { JoinedGraph } from './joined-graph.ts';

/**
 * The graph of a bundle, in which what computes each row by itself runs on the rows that are given back. Of a model that calls
 * others it stays as it is.
 */
export function narrowedGraph(whole: JoinedGraph): JoinedGraph {
  const { model, graph, locate, tree, attached, entering } = whole;
  if (tree === null) return whole;
  const context = new RowWiseEnds(model, tree).context(locate);
  // What the block sets at a module's output is that module's output when the bundle is opened as a model.
  const set = new Set(
    graph.root.nodes.flatMap((node) => (node.op === 'write' ? [context.tensorAt(node.attributes)] : [])),
  );
  const endOf = (tensor: string) => {
    const end = context.endOf(tensor);
    return end && !set.has(end.entry) ? end : null;
  };
  const called = narrowCalls(graph, context);
  const narrowed = narrow(called.graph, { ...context, endOf });
  return {
    model,
    graph: narrowed.graph,
    locate,
    tree,
    value: (made) => narrowed.value(called.value(whole.value(made))),
    entering: new Set([...entering, ...narrowed.entering]),
    attached,
  };
}
