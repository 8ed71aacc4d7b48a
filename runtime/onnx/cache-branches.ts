import { readsOf } from './captures.ts';
import { makeNode } from './make.ts';
import type { GraphProto, ModelProto, NodeProto, TensorProto } from './proto.ts';
import { branchesOf } from './subgraphs.ts';

/** The input of a merged decoder that says whether there is something in the cache. */
const USE_CACHE = 'use_cache_branch';

/** A decoder in one file as optimum merges it, as the two that it was made of. */
export interface Unmerged {
  /** Runs on tokens alone. */
  readonly first: ModelProto;
  /** Runs on tokens and the cache that an earlier run has left. */
  readonly later: ModelProto;
}

/** Takes a decoder whose conditional asks whether there is a cache apart; null for any other model. */
export function unmerged(proto: ModelProto): Unmerged | null {
  const { graph } = proto;
  const choice = graph?.node.find(({ opType, input }) => opType === 'If' && input[0] === USE_CACHE);
  if (!graph || !choice || !graph.input.some(({ name }) => name === USE_CACHE)) return null;
  const [later, first] = branchesOf(choice).map((branch) => inPlace(graph, choice, branch)) as [GraphProto, GraphProto];
  return { first: { ...proto, graph: first }, later: { ...proto, graph: later } };
}

/** A graph with the nodes of a branch in the place of the conditional, and without the inputs that nothing reads then. */
function inPlace(graph: GraphProto, choice: NodeProto, branch: GraphProto): GraphProto {
  const given = branch.output.map(({ name }) => name);
  const handedOn = choice.output.flatMap((name, i) =>
    name === given[i] ? [] : [makeNode('Identity', [given[i]!], [name])],
  );
  const node = [...graph.node.filter((one) => one !== choice), ...branch.node, ...handedOn];
  const read = new Set(node.flatMap(readsOf));
  return {
    ...graph,
    node,
    initializer: [...graph.initializer, ...branch.initializer].filter(({ name }) => read.has(name)).map(copied),
    input: graph.input.filter(({ name }) => read.has(name)),
  };
}

/** A weight of both, whose place in a file each finds out for itself. */
function copied(tensor: TensorProto): TensorProto {
  return { ...tensor, externalData: tensor.externalData.map((entry) => ({ ...entry })) };
}
