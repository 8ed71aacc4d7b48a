import { canonicalDomain } from './domains.ts';
import type { FunctionProto, ModelProto, NodeProto } from './proto.ts';
import { nodesWithin } from './subgraphs.ts';

type FunctionId = Pick<FunctionProto, 'domain' | 'name' | 'overload'>;

/** The local functions of a model, by the domain and operator of the nodes that call them. */
export class LocalFunctions {
  readonly #functions: ReadonlyMap<string, FunctionProto>;

  constructor(functions: readonly FunctionProto[]) {
    this.#functions = new Map(functions.map((one) => [keyOf(one), one]));
  }

  /** The function that a node calls; undefined if the node is an operator. */
  calledBy({ domain, opType, overload }: NodeProto): FunctionProto | undefined {
    return this.#functions.get(keyOf({ domain, name: opType, overload }));
  }
}

/** The functions of a model that its nodes call, directly or through others. */
export function calledFunctions({ graph, functions }: ModelProto): FunctionProto[] {
  const local = new LocalFunctions(functions);
  const called = new Set<FunctionProto>();
  const follow = (nodes: Iterable<NodeProto>): void => {
    for (const node of nodesWithin(nodes)) {
      const found = local.calledBy(node);
      if (found === undefined || called.has(found)) continue;
      called.add(found);
      follow(found.node);
    }
  };
  follow(graph?.node ?? []);
  return [...called];
}

function keyOf({ domain, name, overload }: FunctionId): string {
  return [canonicalDomain(domain), name, overload].join('\n');
}
