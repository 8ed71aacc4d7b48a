import { TraceError } from '../errors.ts';
import { forwardOf } from '../graph/forwards.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { liveNodes } from '../graph/live.ts';
import type { Address } from '../graph/ops.ts';
import { formatSite, type LazySite, type Site, siteOf } from '../graph/site.ts';
import type { Node, NodeOf, Value } from '../graph/types.ts';
import { Forward, type ForwardModel } from './forward.ts';
import type { Override } from './overrides.ts';
import { topologicalOrder } from './topological-order.ts';

/** A node of a model (its index, counted on over the graph's forwards) or a node of the graph's root. */
export type Vertex = number | Node;

/** A value that is fed into a module that comes before its own. */
export class CycleError extends TraceError {
  readonly #nodes: readonly Node[];

  constructor(nodes: readonly Node[], message: string, site: Site | LazySite | null) {
    super(message, site);
    this.#nodes = nodes;
  }

  /** The nodes of the intervention graph on the cycle. */
  get nodes(): readonly Node[] {
    return this.#nodes;
  }
}

/** What must run before what, across the intervention graph and the models that its forwards run. */
export class Dependencies {
  readonly forwards: readonly Forward[];
  /** The vertex of each forward's first model node. */
  private readonly bases: number[] = [];
  private readonly rootNodes: ReadonlySet<Node>;
  private readonly setGradients: readonly NodeOf<'setgrad'>[];

  constructor(graph: InterventionGraph, models: readonly ForwardModel[]) {
    const entering = graph.root.nodes.filter((node) => node.op === 'write' || node.op === 'forward');
    this.forwards = models.map(
      (model, number) =>
        new Forward(
          model,
          entering.filter((node) => forwardOf(node) === number),
        ),
    );
    let base = 0;
    for (const { model } of this.forwards) {
      this.bases.push(base);
      base += model.graph.node.length;
    }
    this.rootNodes = new Set(graph.root.nodes);
    this.setGradients = graph.root.nodes.filter((node) => node.op === 'setgrad');
  }

  /** The number of the forward that a model's node belongs to. */
  forwardOfModelNode(vertex: number): number {
    return this.bases.findLastIndex((base) => base <= vertex);
  }

  /** The vertices that must come right before one. */
  needs(vertex: Vertex): readonly Vertex[] {
    const needed: Vertex[] = [];
    if (typeof vertex === 'number') {
      const number = this.forwardOfModelNode(vertex);
      const forward = this.forwards[number]!;
      const base = this.bases[number]!;
      if (!forward.isAffected(vertex - base)) {
        const makers = forward.model.links.makers[vertex - base]!;
        return base === 0 ? makers : makers.map((maker) => base + maker);
      }
      for (const read of forward.reads(vertex - base)) this.addRead(needed, number, read);
    } else if (vertex.op === 'read') {
      const number = forwardOf(vertex);
      this.addRead(needed, number, this.forwards[number]!.tensorOf(vertex));
    } else {
      this.addOuter(needed, vertex);
    }
    return needed;
  }

  private addRead(needed: Vertex[], number: number, read: Override | string): void {
    if (typeof read !== 'string') {
      needed.push(read.value.node!);
      return;
    }
    const forward = this.forwards[number]!;
    const producer = forward.producer(read);
    if (producer !== undefined) needed.push(this.bases[number]! + producer);
    else if (forward.feeds.has(read)) needed.push(forward.feeds.get(read)!.node!);
  }

  /** What a node and its regions use of the root and of the models. */
  private addOuter(needed: Vertex[], node: Node): void {
    for (const value of node.inputs) if (this.isRoot(value)) needed.push(value.node!);
    if (node.op === 'grad') needed.push(...this.replacedBehind(node).map(({ inputs }) => inputs[2]!.node!));
    if (node.op === 'call') {
      const number = forwardOf(node);
      const forward = this.forwards[number]!;
      for (const tensor of forward.calledModule(node).outside) {
        this.addRead(needed, number, forward.overrides.of(tensor, null) ?? tensor);
      }
    }
    for (const region of node.regions) {
      for (const inner of liveNodes(region)) this.addOuter(needed, inner);
      for (const value of region.results) if (this.isRoot(value)) needed.push(value.node!);
    }
  }

  /** The gradients that are set in a pass behind a tensor whose gradient is asked for: what flows back to it depends on them. */
  replacedBehind({ inputs }: NodeOf<'grad'>): NodeOf<'setgrad'>[] {
    const [pass, of] = inputs as [Value, Value];
    return this.setGradients.filter(
      (node) => node.inputs[0] === pass && node.inputs[1] !== of && this.isComputedFrom(node.inputs[1]!, of),
    );
  }

  /** Whether a value of the root is computed from another one: an input of a model or a weight, too. */
  isComputedFrom(value: Value, from: Value): boolean {
    if (!this.isRoot(value) || !this.isRoot(from)) return false;
    const node = from.node!;
    const order = this.order([value]);
    if (node.op !== 'read') return order.includes(node);
    const [vertex] = this.needs(node);
    if (vertex !== undefined) return order.includes(vertex);
    const number = forwardOf(node);
    const forward = this.forwards[number]!;
    const tensor = forward.tensorOf(node);
    const reads = (one: Vertex) =>
      typeof one === 'number' &&
      this.forwardOfModelNode(one) === number &&
      [...forward.reads(one - this.bases[number]!)].includes(tensor);
    return order.some(reads);
  }

  private isRoot(value: Value): boolean {
    return value.node !== null && this.rootNodes.has(value.node);
  }

  /** The vertices that some values need, in an order in which each comes after those it needs. Throws a TraceError on a cycle. */
  order(values: readonly Value[]): Vertex[] {
    return topologicalOrder<Vertex>(
      values.map(({ node }) => node!),
      (vertex) => this.needs(vertex),
      (cycle) => this.reportCycle(cycle),
    );
  }

  private reportCycle(cycle: readonly Vertex[]): never {
    const nodes = cycle.filter((vertex) => typeof vertex !== 'number');
    const reads = nodes.filter((node) => node.op === 'read');
    const all = this.forwards.flatMap(({ overrides }) => overrides.all);
    const write = all.find((one) => nodes.includes(one.value.node!) && reads.length > 0) ?? all[0]!;
    const from = reads.map((node) => {
      const site = siteOf(node);
      return `${tensorName(node.attributes)}${site ? ` (read at ${formatSite(site)})` : ''}`;
    });
    throw new CycleError(
      nodes,
      `This is a cycle: ${tensorName(write.node.attributes)} is set to a value that depends on ${from.join(' and ') || 'itself'}, which is computed from it. A value can only be fed into modules that run after the one it comes from.`,
      write.node.site,
    );
  }

  /** Throws a TraceError for a write that none of the vertices depends on, unless it is lenient. */
  checkWrites(used: ReadonlySet<Vertex>): void {
    for (const { value, node } of this.forwards.flatMap(({ overrides }) => overrides.all)) {
      if (used.has(value.node!) || node.attributes.lenient) continue;
      throw noEffect(node);
    }
  }
}

/** The error for a write that nothing saved depends on. */
export function noEffect(write: NodeOf<'write'>): TraceError {
  return new TraceError(
    `${tensorName(write.attributes)} is set, but nothing that is saved depends on it, so it can have no effect. Save something that comes after it, or take the line out.`,
    write.site,
  );
}

/** A tensor of the model as errors name it. */
export function tensorName({ path, port }: Address): string {
  return `${path || 'the model'}.${port}`;
}

/** The nodes of the graph on a cycle, each needing the next one; null if there is none. */
export function findCycle(graph: InterventionGraph, models: readonly ForwardModel[]): readonly Node[] | null {
  try {
    new Dependencies(graph, models).order(graph.saves.map(({ value }) => value));
    return null;
  } catch (error) {
    if (error instanceof CycleError) return error.nodes;
    throw error;
  }
}
