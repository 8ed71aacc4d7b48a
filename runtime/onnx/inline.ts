import { canonicalDomain } from './domains.ts';
import { FreshNames } from './fresh-names.ts';
import { calledFunctions, LocalFunctions } from './functions.ts';
import { makeGraph, makeNode } from './make.ts';
import { type AttributeProto, changedNode, type FunctionProto, type ModelProto, type NodeProto } from './proto.ts';
import { renameAll } from './rename.ts';
import { mapSubgraphs } from './subgraphs.ts';

/**
 * A model with the nodes of its local functions in the place of the calls: as parts of the graph they have names, can be
 * read and set, and a cut may fall between them. Calls inside subgraphs stay, where nothing is reached either; so do
 * those of a function that is written in another version of an operator set than the model, and their functions.
 */
export function withInlinedFunctions(proto: ModelProto): ModelProto {
  const { graph, functions } = proto;
  if (!graph || functions.length === 0) return proto;
  const node = new Inliner(proto).inline(graph.node);
  const inlined = { ...proto, graph: { ...graph, node }, opsetImport: allOpsets(proto) };
  return { ...inlined, functions: calledFunctions(inlined) };
}

/** The operator sets of a model and those that only its functions use. */
function allOpsets({ opsetImport, functions }: ModelProto): ModelProto['opsetImport'] {
  const all = new Map(opsetImport.map((one) => [canonicalDomain(one.domain), one]));
  for (const one of functions.flatMap((fn) => fn.opsetImport)) {
    const domain = canonicalDomain(one.domain);
    if (!all.has(domain)) all.set(domain, one);
  }
  return [...all.values()];
}

class Inliner {
  readonly #functions: LocalFunctions;
  /** The version of each operator set. */
  readonly #versions: ReadonlyMap<string, bigint>;
  readonly #names: FreshNames;

  constructor(proto: ModelProto) {
    this.#functions = new LocalFunctions(proto.functions);
    this.#versions = new Map(allOpsets(proto).map(({ domain, version }) => [canonicalDomain(domain), version]));
    this.#names = new FreshNames(proto.graph!);
  }

  /** @param calls the functions around, for no function may call itself */
  inline(nodes: readonly NodeProto[], calls: readonly FunctionProto[] = []): NodeProto[] {
    return nodes.flatMap((node) => {
      const called = this.#functions.calledBy(node);
      if (called === undefined || calls.includes(called) || !this.#isOfOneVersion(called)) return [node];
      return this.inline(this.#bodyOf(node, called), [...calls, called]);
    });
  }

  #isOfOneVersion({ opsetImport }: FunctionProto): boolean {
    return opsetImport.every(({ domain, version }) => this.#versions.get(canonicalDomain(domain)) === version);
  }

  /** What a call does, on the tensors that it reads and makes. */
  #bodyOf(call: NodeProto, { node, input, output, attributeProto }: FunctionProto): NodeProto[] {
    const around = call.name || call.output[0]!;
    const given = new Map(input.map((name, i) => [name, call.input[i] ?? '']));
    const made = new Map<string, string>();
    const handedOn: NodeProto[] = [];
    output.forEach((name, i) => {
      const outer = call.output[i] || null;
      if (outer === null) return;
      const inner = given.get(name) ?? made.get(name);
      if (inner === undefined) made.set(name, outer);
      else handedOn.push(makeNode('Identity', [inner], [outer], {}, `${around}/Identity`));
    });
    const named = (name: string): string => {
      const known = given.get(name) ?? made.get(name);
      if (known !== undefined) return known;
      const fresh = this.#names.take(`${around}/${name}`);
      made.set(name, fresh);
      return fresh;
    };
    const attributes = new Map([...attributeProto, ...call.attribute].map((one) => [one.name, one]));
    const own = node.map((one) => withAttributes(one, attributes));
    const renamed = renameAll(makeGraph('', own, [], []), named, (name) => name && `${around}/${name}`);
    return [...renamed.node.map((one) => placed(one, call, around)), ...handedOn];
  }
}

/** A node of a function with the values that the call gives to its attributes; those that get none fall away. */
function withAttributes(node: NodeProto, given: ReadonlyMap<string, AttributeProto>): NodeProto {
  const mapped = mapSubgraphs(node, (subgraph) => ({
    ...subgraph,
    node: subgraph.node.map((inner) => withAttributes(inner, given)),
  }));
  const attribute = mapped.attribute.flatMap((one) => {
    if (!one.refAttrName) return [one];
    const value = given.get(one.refAttrName);
    return value ? [{ ...value, name: one.name }] : [];
  });
  return changedNode(mapped, { attribute });
}

/**
 * A node of a function with the metadata of the call where it has none of its own, and a name: both tell of the module
 * around.
 */
function placed(node: NodeProto, { metadataProps }: NodeProto, around: string): NodeProto {
  const name = node.name || `${around}/${node.opType}`;
  return changedNode(node, { name, ...(node.metadataProps.length === 0 && { metadataProps }) });
}
