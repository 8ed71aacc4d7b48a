import type { DType } from '../../graph/types.ts';
import { readsOf } from '../captures.ts';
import { dtypeName } from '../dtypes.ts';
import { elementTypes, nodeTypes } from '../element-types.ts';
import { FreshNames } from '../fresh-names.ts';
import { linkGraph } from '../links.ts';
import { makeTensor } from '../make.ts';
import {
  changedNode,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  tensorText,
} from '../proto.ts';
import { drawingIn } from '../randomness.ts';
import { renameAll, renameReads } from '../rename.ts';
import { graphsWithin, subgraphsOf } from '../subgraphs.ts';
import type { Branch } from './branch.ts';
import { Unshared } from './check-shared.ts';
import { closed } from './closed.ts';
import { openConditional } from './conditional.ts';
import { type Around, isWorthOpening, type Reason } from './has-modules.ts';
import { openLoop } from './loop.ts';
import { CallPaths } from './paths.ts';
import { type Placed, placedNode } from './placed.ts';

/** A model whose bodies are open. */
export interface Opened {
  readonly proto: ModelProto;
  /**
   * Where there are only operations in them, which few traces look at: for each node that which it comes from. All others may
   * run the model as it was.
   */
  readonly origins: readonly number[] | null;
}

/**
 * A model in which what stands in the branches of its own conditionals, and in the first iterations of its own loops, can be
 * reached: each node of a branch stands in the graph, in a conditional of its own, and the model's conditional chooses
 * between what they give.
 */
export function withOpenBranches(proto: ModelProto): Opened {
  const { graph } = proto;
  if (!graph?.node.some((node) => subgraphsOf(node).length > 0)) return { proto, origins: null };
  const around = {
    weights: new Set(graph.initializer.map(({ name }) => name)),
    draws: drawingIn(graph, proto.functions),
    moduleOf: new CallPaths(graph).moduleOf,
  };
  if (!graph.node.some((node) => isWorthOpening(node, around, 'operations'))) return { proto, origins: null };
  const opener = new Opener(graph, around);
  const origins: number[] = [];
  for (const [index, node] of graph.node.entries()) {
    opener.add(node, null);
    while (origins.length < opener.placed.length) origins.push(index);
  }
  const own = { node: withOwnNames(opener.placed, graph.node), initializer: opener.initializers };
  const hasModules = graph.node.some((node) => isWorthOpening(node, around, 'modules'));
  return { proto: { ...proto, graph: { ...graph, ...own } }, origins: hasModules ? null : origins };
}

/** The nodes of the model. No two of a graph may have one name: those of branches give way. */
function withOwnNames(placed: readonly Placed[], before: readonly NodeProto[]): NodeProto[] {
  const stayed = new Set(before);
  const taken = new Set(placed.flatMap(({ node }) => (stayed.has(node) ? [node.name] : [])));
  const counts = new Map<string, number>();
  return placed.map((one) => {
    const { node } = one;
    if (stayed.has(node) || node.name === '') return placedNode(one);
    let { name } = node;
    let count = counts.get(name) ?? 0;
    while (taken.has(name)) name = `${node.name}#${++count}`;
    counts.set(node.name, count);
    taken.add(name);
    return placedNode({ ...one, node: changedNode(node, { name }) });
  });
}

/** A conditional stays as it is, as the file does not tell the type of what its nodes make. */
class Untold extends Error {}

/** Takes nodes out of branches, one after the other. */
export class Opener {
  readonly placed: Placed[] = [];
  readonly initializers: TensorProto[];
  private readonly names: FreshNames;
  private readonly types: Map<string, number>;
  private readonly constantTensors: Set<string>;
  private readonly around: Around;
  private reason: Reason = 'operations';
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
    if (!isWorthOpening(node, this.around, this.reason)) {
      this.place(node, branch);
      return;
    }
    const before = [this.placed.length, this.initializers.length] as const;
    try {
      if (node.opType === 'If') openConditional(this, node, branch, this.around);
      else openLoop(this, node, branch);
    } catch (error) {
      if (!(error instanceof Untold || error instanceof Unshared)) throw error;
      [this.placed.length, this.initializers.length] = before;
      this.constants.clear();
      if (this.reason === 'modules') this.place(error instanceof Unshared ? closed(node, error.modules) : node, branch);
      else this.addForModules(node, branch);
    }
  }

  /** The same where bodies within that have no modules are in the way: these stay as they are. */
  private addForModules(node: NodeProto, branch: Branch | null): void {
    this.reason = 'modules';
    this.add(node, branch);
    this.reason = 'operations';
  }

  /** Adds the nodes of a body, and gives the names that its tensors have now. @param entering what its inputs are */
  addBody(
    { initializer, node }: GraphProto,
    branch: Branch,
    entering: ReadonlyMap<string, string> = new Map(),
  ): (name: string) => string {
    const own = new Map(entering);
    const rename = (name: string) => own.get(name) ?? name;
    for (const tensor of initializer) own.set(tensor.name, this.addInitializer(tensor));
    for (const one of node) {
      const reading = renameReads(one, rename);
      for (const name of one.output) if (name !== '') own.set(name, this.fresh(name));
      this.add(changedNode(reading, { output: one.output.map(rename) }), branch);
    }
    return rename;
  }

  /** Adds an initializer of a body, and gives its name. Bodies that have the same one share it. */
  private addInitializer(tensor: TensorProto): string {
    // The name of a parameter tells of its module.
    const text = `${tensor.name.includes('.') ? tensor.name : ''} ${tensorText(tensor)}`;
    return this.once(text, tensor.name, () => tensor);
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
    this.placed.push({ node, branch: isConstant ? null : branch, types });
  }

  /** Adds a node whose types are known. */
  put(placed: Placed): void {
    placed.node.output.forEach((name, i) => {
      if (placed.types[i] !== undefined) this.types.set(name, placed.types[i]);
    });
    this.placed.push(placed);
  }

  /**
   * Gives other names to tensors that nodes make which were added last. @param from the first of these
   * @returns the names that are given: not to tensors that other nodes make
   */
  rename(from: number, names: ReadonlyMap<string, string>): ReadonlySet<string> {
    const given = new Set<string>();
    const now = (name: string) => names.get(name) ?? name;
    for (const placed of this.placed.splice(from)) {
      for (const name of placed.node.output) if (names.has(name)) given.add(now(name));
      const reading = renameReads(placed.node, (name) => (given.has(now(name)) ? now(name) : name));
      this.put({ ...placed, node: changedNode(reading, { output: placed.node.output.map(now) }) });
    }
    return given;
  }

  /** Whether a tensor is the same in every run. */
  isConstant(name: string): boolean {
    return this.constantTensors.has(name);
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
    return this.once(text, `onnsight:${text}`, () => makeTensor('', dtype, data, dims));
  }

  /** The name of a constant tensor, which is added when it is first asked for. */
  private once(text: string, wanted: string, make: () => TensorProto): string {
    const known = this.constants.get(text);
    if (known !== undefined) return known;
    const name = this.fresh(wanted);
    const tensor = { ...make(), name };
    this.constants.set(text, name);
    this.initializers.push(tensor);
    this.types.set(name, tensor.dataType);
    this.constantTensors.add(name);
    return name;
  }

  /** A name for a tensor of a branch: its own, unless another one has it too. */
  fresh(name: string): string {
    return this.free.delete(name) ? name : this.names.take(name);
  }
}
