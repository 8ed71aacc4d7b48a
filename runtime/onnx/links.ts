import type { GraphProto, NodeProto } from 'onnx-buf';

/** Who makes and who reads each tensor of a graph. Numbers are indices into `graph.node`. */
export interface Links {
  readonly maker: ReadonlyMap<string, number>;
  readonly readers: ReadonlyMap<string, readonly number[]>;
  /** What each node reads, each name once, in order: its inputs, then what its bodies (If, Loop, Scan) capture. */
  readonly reads: readonly (readonly string[])[];
  readonly initializers: ReadonlySet<string>;
  readonly outputs: ReadonlySet<string>;
  /** Tensors that are the same in every run: initializers, and what is made of them alone. */
  readonly constant: ReadonlySet<string>;
  /** Tensors made of constants and of other tensors' shapes alone: sizes, positions, causal masks. */
  readonly structural: ReadonlySet<string>;
}

const RANDOM = new Set(['RandomNormal', 'RandomUniform']);

const cache = new WeakMap<GraphProto, Links>();

/** The links of a graph, which nothing may change once they were asked for: they are worked out once. */
export function graphLinks(graph: GraphProto): Links {
  const links = cache.get(graph) ?? linkGraph(graph);
  cache.set(graph, links);
  return links;
}

function linkGraph(graph: GraphProto): Links {
  const maker = new Map<string, number>();
  const readers = new Map<string, number[]>();
  const initializers = new Set([
    ...graph.initializer.map(({ name }) => name),
    ...graph.sparseInitializer.flatMap(({ values }) => (values === undefined ? [] : [values.name])),
  ]);
  const constant = new Set(initializers);
  const structural = new Set(initializers);
  const reads = graph.node.map((node, index) => {
    const names = [...new Set([...node.input.filter((name) => name !== ''), ...captured(node)])];
    for (const name of names) {
      const others = readers.get(name);
      if (others === undefined) readers.set(name, [index]);
      else others.push(index);
    }
    const isConstant = names.every((name) => constant.has(name)) && !RANDOM.has(node.opType);
    const isStructural =
      isConstant || node.opType === 'Shape' || node.opType === 'Size' || names.every((name) => structural.has(name));
    for (const name of node.output) {
      maker.set(name, index);
      if (isConstant) constant.add(name);
      if (isStructural && !RANDOM.has(node.opType)) structural.add(name);
    }
    return names;
  });
  return {
    maker,
    readers,
    reads,
    initializers,
    outputs: new Set(graph.output.map(({ name }) => name)),
    constant,
    structural,
  };
}

/** The bodies of a node. */
export function bodies(node: NodeProto): GraphProto[] {
  return node.attribute.flatMap(({ g, graphs }) => (g === undefined ? graphs : [g, ...graphs]));
}

/** The names that the bodies of a node read from around it. */
function captured(node: NodeProto): string[] {
  return bodies(node).flatMap((body) => {
    const own = new Set([
      ...body.input.map(({ name }) => name),
      ...body.initializer.map(({ name }) => name),
      ...body.node.flatMap(({ output }) => output),
    ]);
    const read = [
      ...body.node.flatMap((inner) => [...inner.input, ...captured(inner)]),
      ...body.output.map(({ name }) => name),
    ];
    return read.filter((name) => name !== '' && !own.has(name));
  });
}
