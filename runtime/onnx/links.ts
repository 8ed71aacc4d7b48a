import { readsOf } from './captures.ts';
import type { GraphProto, NodeProto } from './proto.ts';

/** Who makes and who reads each tensor of a graph. Numbers are indices into `graph.node`. */
export interface Links {
  readonly maker: ReadonlyMap<string, number>;
  readonly readers: ReadonlyMap<string, readonly number[]>;
  /** What each node reads, each name once, in order: its inputs, then what its subgraphs capture. */
  readonly reads: readonly (readonly string[])[];
  /** The nodes that make what each node reads, in that order. */
  readonly makers: readonly (readonly number[])[];
  readonly initializers: ReadonlySet<string>;
  readonly outputs: ReadonlySet<string>;
  /** Tensors that are the same in every run: initializers, and tensors computed from them alone. */
  readonly constant: ReadonlySet<string>;
  /** Tensors computed from constants and other tensors' shapes alone: sizes, positions, causal masks. */
  readonly structural: ReadonlySet<string>;
}

/** @param draws whether a node draws random numbers */
export function linkGraph(graph: GraphProto, draws: (node: NodeProto) => boolean): Links {
  const maker = new Map<string, number>();
  const readers = new Map<string, number[]>();
  const initializers = new Set([
    ...graph.initializer.map(({ name }) => name),
    ...graph.sparseInitializer.flatMap(({ values }) => (values === undefined ? [] : [values.name])),
  ]);
  const constant = new Set(initializers);
  const structural = new Set(initializers);
  const reads = graph.node.map((node, index) => {
    const names = [...new Set(readsOf(node))];
    for (const name of names) {
      const others = readers.get(name);
      if (others === undefined) readers.set(name, [index]);
      else others.push(index);
    }
    const isSame = !draws(node);
    const isConstant = isSame && names.every((name) => constant.has(name));
    const isSize = node.opType === 'Shape' || node.opType === 'Size';
    const isStructural = isSame && (isConstant || isSize || names.every((name) => structural.has(name)));
    for (const name of node.output) {
      maker.set(name, index);
      if (isConstant) constant.add(name);
      if (isStructural) structural.add(name);
    }
    return names;
  });
  return {
    maker,
    readers,
    reads,
    makers: reads.map((names) => names.flatMap((name) => maker.get(name) ?? [])),
    initializers,
    outputs: new Set(graph.output.map(({ name }) => name)),
    constant,
    structural,
  };
}
