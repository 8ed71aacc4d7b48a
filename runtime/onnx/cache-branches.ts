import { readsOf } from './captures.ts';
import { makeMetadata, makeNode } from './make.ts';
import type { GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto } from './proto.ts';
import { branchesOf, subgraphsOf } from './subgraphs.ts';

/** The input of a merged decoder that says whether there is something in the cache, as optimum names it. */
const USE_CACHE = 'use_cache_branch';
/** The metadata of such an input: what it is where there is. */
const SWITCH = 'onnsight.cache';

/** A decoder in one file as optimum merges it, as the two that it was made of. */
export interface Unmerged {
  /** Runs on tokens alone. */
  readonly first: ModelProto;
  /** Runs on tokens and the cache that an earlier run has left. */
  readonly later: ModelProto;
}

/** A conditional of which one branch goes on from a cache. */
interface CacheChoice {
  readonly node: NodeProto;
  /** The input that decides. */
  readonly input: string;
  /** What the input is where the cache holds something. */
  readonly value: boolean;
  /** The nodes from the input to the condition. */
  readonly between: readonly NodeProto[];
}

/** Takes a decoder whose conditional asks whether there is a cache apart; null for any other model. */
export function unmerged(proto: ModelProto): Unmerged | null {
  const { graph } = proto;
  const [choice, ...others] = graph ? cacheChoices(graph) : [];
  if (!graph || !choice || others.length > 0) return null;
  const branches = branchesOf(choice.node);
  const isThen = choice.value !== isTurned(choice.between);
  const [later, first] = (isThen ? branches : branches.toReversed()) as [GraphProto, GraphProto];
  return {
    first: { ...proto, graph: inPlace(graph, choice, first) },
    later: { ...proto, graph: inPlace(graph, choice, later) },
  };
}

/** A model whose input for a cache, whatever its name, says what it is where the cache holds something. */
export function withCacheSwitches(proto: ModelProto): ModelProto {
  const { graph } = proto;
  if (!graph) return proto;
  const values = new Map(cacheChoices(graph).map(({ input, value }) => [input, value]));
  if (values.size === 0) return proto;
  const input = graph.input.map((one) => {
    const value = values.get(one.name);
    if (value === undefined) return one;
    return { ...one, metadataProps: [...one.metadataProps, ...makeMetadata({ [SWITCH]: `${value}` })] };
  });
  return { ...proto, graph: { ...graph, input } };
}

/** What an input is where the cache holds something; null for one that does not ask for that. */
export function cacheSwitch({ metadataProps }: ValueInfoProto): boolean | null {
  const found = metadataProps.find(({ key }) => key === SWITCH);
  return found ? found.value === 'true' : null;
}

function cacheChoices(graph: GraphProto): CacheChoice[] {
  const inputs = new Set(graph.input.map(({ name }) => name));
  const makers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node])));
  return graph.node.flatMap((node): CacheChoice[] => {
    if (node.opType !== 'If' || subgraphsOf(node).length !== 2) return [];
    const between: NodeProto[] = [];
    let input = node.input[0] ?? '';
    for (let maker = makers.get(input); maker && isHandedOn(maker) && !between.includes(maker); ) {
      between.push(maker);
      input = maker.input[0] ?? '';
      maker = makers.get(input);
    }
    if (!inputs.has(input)) return [];
    const [then, otherwise] = branchesOf(node).map((branch) => pastsIn(branch, inputs)) as [number, number];
    if (then === otherwise && input !== USE_CACHE) return [];
    return [{ node, input, between, value: then === otherwise || then > otherwise !== isTurned(between) }];
  });
}

/** Whether a node gives the truth value that it takes, or the other one. */
function isHandedOn({ opType }: NodeProto): boolean {
  return ['Identity', 'Not', 'Cast', 'Squeeze', 'Unsqueeze', 'Reshape'].includes(opType);
}

function isTurned(between: readonly NodeProto[]): boolean {
  return between.filter(({ opType }) => opType === 'Not').length % 2 === 1;
}

/** How many inputs for the cache a branch reads. */
function pastsIn({ node }: GraphProto, inputs: ReadonlySet<string>): number {
  return new Set(node.flatMap(readsOf).filter((name) => name.startsWith('past') && inputs.has(name))).size;
}

/** A graph with the nodes of a branch in the place of the conditional, and without the inputs that nothing reads then. */
function inPlace(graph: GraphProto, choice: CacheChoice, branch: GraphProto): GraphProto {
  const given = branch.output.map(({ name }) => name);
  const handedOn = choice.node.output.flatMap((name, i) =>
    name === given[i] ? [] : [makeNode('Identity', [given[i]!], [name])],
  );
  const others = graph.node.filter((one) => one !== choice.node && !choice.between.includes(one));
  const node = [...others, ...branch.node, ...handedOn];
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
