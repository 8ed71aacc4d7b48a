import { LocalFunctions } from './functions.ts';
import { makeAttribute } from './make.ts';
import { decodeModel, encodeModel, type FunctionProto, type NodeProto } from './proto.ts';
import { isSeeded } from './randomness.ts';
import { mapSubgraphs } from './subgraphs.ts';

/** Seeds are floats, which hold whole numbers up to here. */
const SEEDS = 2 ** 24;
/** Odd, so that all seeds come before one comes again, and large, so that those of neighbours are far apart. */
const STRIDE = 0x9e3779;

let last = Math.floor(Math.random() * SEEDS);

function nextSeed(): number {
  last = (last + STRIDE) % SEEDS;
  return last;
}

/**
 * A model whose nodes all draw different random numbers, also from those of any other model. ONNX Runtime seeds nodes
 * by their position in the model: nodes at the same position of two models would draw the same numbers. A node that has a
 * seed keeps it.
 */
export function withOwnSeeds(bytes: Uint8Array): Uint8Array {
  const model = decodeModel(bytes);
  const seeding = new Seeding(model.functions);
  const node = seeding.nodes(model.graph!.node, new Set());
  return encodeModel({ ...model, graph: { ...model.graph!, node }, functions: seeding.functions });
}

class Seeding {
  /** The functions of the model, and those that were made for single calls. */
  readonly functions: FunctionProto[];
  private readonly local: LocalFunctions;

  constructor(functions: readonly FunctionProto[]) {
    this.functions = [...functions];
    this.local = new LocalFunctions(functions);
  }

  /** @param given the attributes of the call, if the nodes belong to a function */
  nodes(nodes: readonly NodeProto[], given: ReadonlySet<string>): NodeProto[] {
    return nodes.map((node) => this.node(node, given));
  }

  private node(node: NodeProto, given: ReadonlySet<string>): NodeProto {
    const called = this.local.calledBy(node);
    if (called !== undefined) return this.call(node, called);
    const inner = mapSubgraphs(node, (subgraph) => ({ ...subgraph, node: this.nodes(subgraph.node, given) }));
    if (!isSeeded(node) || hasSeed(node, given)) return inner;
    const others = inner.attribute.filter(({ name }) => name !== 'seed');
    return { ...inner, attribute: [...others, makeAttribute('seed', { float: nextSeed() })] };
  }

  /** Two calls of one function draw different numbers: each calls a function of its own. */
  private call(node: NodeProto, called: FunctionProto): NodeProto {
    const given = new Set([...node.attribute, ...called.attributeProto].map(({ name }) => name));
    const nodes = this.nodes(called.node, given);
    if (nodes.every((one, i) => one === called.node[i])) return node;
    const name = `${called.name}_${this.functions.length}`;
    this.functions.push({ ...called, name, node: nodes });
    return { ...node, opType: name };
  }
}

/** Whether a node has a seed: in a function, the call may give it. */
function hasSeed({ attribute }: NodeProto, given: ReadonlySet<string>): boolean {
  const seed = attribute.find(({ name }) => name === 'seed');
  return seed !== undefined && (!seed.refAttrName || given.has(seed.refAttrName));
}
