import type { DType } from '../../graph/types.ts';
import { readsOf } from '../captures.ts';
import { dtypeName } from '../dtypes.ts';
import { elementTypes, nodeTypes } from '../element-types.ts';
import { FreshNames } from '../fresh-names.ts';
import { linkGraph } from '../links.ts';
import { makeTensor } from '../make.ts';
import { changedNode, type GraphProto, type ModelProto, type NodeProto, type TensorProto } from '../proto.ts';
import { drawingIn } from '../randomness.ts';
import { renameAll, renameReads } from '../rename.ts';
import { graphsWithin } from '../subgraphs.ts';
import { openConditional } from './conditional.ts';
import { type Branch, guarded } from './guarded.ts';
import { type Around, isWorthOpening } from './has-modules.ts';
import { openLoop } from './loop.ts';

/**
 * A model in which the modules in the branches of its own conditionals, and in the first iterations of its own loops, can be
 * reached: each node of a branch stands in the graph, in a conditional of its own, and the model's conditional chooses
 * between what they give.
 */
export function withOpenBranches(proto: ModelProto): ModelProto {
  const { graph } = proto;
  if (!graph) return proto;
  const around = {
    weights: new Set(graph.initializer.map(({ name }) => name)),
    draws: drawingIn(graph, proto.functions),
  };
  if (!graph.node.some((node) => isWorthOpening(node, around))) return proto;
  const opener = new Opener(graph, around);
  for (const node of graph.node) opener.add(node, null);
  return { ...proto, graph: { ...graph, node: opener.nodes, initializer: opener.initializers } };
}

/** A conditional stays as it is, as the file does not tell the type of what its nodes make. */
class Untold extends Error {}

/** Takes nodes out of branches, one after the other. */
export class Opener {
  nodes: NodeProto[] = [];
  initializers: TensorProto[];
  private readonly names: FreshNames;
  private readonly types: Map<string, number>;
  private readonly constantTensors: Set<string>;
  private readonly around: Around;
  /** The names that only one tensor of the model has, and that no node here has taken. */
  private readonly free = new Set<string>();
  private readonly constants = new Map<string, string>();

  constructor(main: GraphProto, around: Around) {
    this.around = around;
    this.initializers = [...main.initializer];
    this.names = new FreshNames(main);
    this.types = elementTypes(main);
    this.constantTensors = new Set(linkGraph(main, around.draws).constant);
    const counts = new Map<string, number>();
    for (const { input, initializer, node } of graphsWithin(main)) {
      const made = [...[...input, ...initializer].map(({ name }) => name), ...node.flatMap(({ output }) => output)];
      for (const name of made) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    for (const [name, count] of counts) if (count === 1) this.free.add(name);
  }

  /** Adds a node of the graph, or of a branch. Its tensors have the names that they are to have in the graph. */
  add(node: NodeProto, branch: Branch | null): void {
    if (!isWorthOpening(node, this.around)) {
      this.place(node, branch);
      return;
    }
    const { nodes, initializers } = this;
    this.nodes = [...nodes];
    this.initializers = [...initializers];
    try {
      if (node.opType === 'If') openConditional(this, node, branch);
      else openLoop(this, node, branch);
    } catch (error) {
      if (!(error instanceof Untold)) throw error;
      this.nodes = nodes;
      this.initializers = initializers;
      this.constants.clear();
      this.place(node, branch);
    }
  }

  /** Adds the nodes of a body, and gives the names that its tensors have now. @param entering what its inputs are */
  addBody(
    { initializer, node }: GraphProto,
    branch: Branch,
    entering: ReadonlyMap<string, string> = new Map(),
  ): (name: string) => string {
    const own = new Map(entering);
    const rename = (name: string) => own.get(name) ?? name;
    for (const tensor of initializer) {
      const name = this.fresh(tensor.name);
      own.set(tensor.name, name);
      this.initializers.push({ ...tensor, name });
      this.types.set(name, tensor.dataType);
      this.constantTensors.add(name);
    }
    for (const one of node) {
      const reading = renameReads(one, rename);
      for (const name of one.output) if (name !== '') own.set(name, this.fresh(name));
      // No two nodes of a graph may have one name.
      const name = one.name && branch.iteration ? `${one.name}#${branch.iteration}` : one.name;
      this.add(changedNode(reading, { name, output: one.output.map(rename) }), branch);
    }
    return rename;
  }

  /** Adds a node as it is. Of a branch those that make constants stand in the graph itself. */
  place(node: NodeProto, branch: Branch | null): void {
    const isConstant = !this.around.draws(node) && readsOf(node).every((name) => this.constantTensors.has(name));
    const types = nodeTypes(node, this.types);
    node.output.forEach((name, i) => {
      if (branch && name !== '' && dtypeName(types[i] ?? 0) === null) throw new Untold();
      if (types[i] !== undefined && !this.types.has(name)) this.types.set(name, types[i]);
      if (isConstant) this.constantTensors.add(name);
    });
    const isInBranch = branch !== null && !isConstant;
    this.nodes.push(isInBranch ? guarded(node, branch, types as readonly number[]) : node);
  }

  /** A copy of a body in which its own tensors have other names. */
  copied(body: GraphProto): GraphProto {
    const own = new Map<string, string>();
    for (const { input, initializer, node } of graphsWithin(body)) {
      const made = [...[...input, ...initializer].map(({ name }) => name), ...node.flatMap(({ output }) => output)];
      for (const name of made) own.set(name, this.names.take(name));
    }
    return renameAll(body, (name) => own.get(name) ?? name);
  }

  /** The shape of a scalar. */
  noDims(): string {
    return this.constant('no_dims', 'int64', [], [0]);
  }

  truth(): string {
    return this.constant('true', 'bool', [1], []);
  }

  integer(value: number): string {
    return this.constant(`${value}`, 'int64', [value], []);
  }

  /** A list of one integer. */
  integers(value: number): string {
    return this.constant(`[${value}]`, 'int64', [value], [1]);
  }

  private constant(text: string, dtype: DType, data: readonly number[], dims: readonly number[]): string {
    let name = this.constants.get(text);
    if (name === undefined) {
      name = this.names.take(`onnsight:${text}`);
      this.constants.set(text, name);
      const tensor = makeTensor(name, dtype, data, dims);
      this.initializers.push(tensor);
      this.types.set(name, tensor.dataType);
      this.constantTensors.add(name);
    }
    return name;
  }

  /** A name for a tensor of a branch: its own, unless another one has it too. */
  fresh(name: string): string {
    return this.free.delete(name) ? name : this.names.take(name);
  }
}
