import { formatSite, TraceError } from '../errors.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { liveNodes } from '../graph/live.ts';
import type { Node, Site, Value } from '../graph/types.ts';
import type { TapAddress } from '../tracing/model.ts';
import { readSite } from '../tracing/read-sites.ts';
import { ForwardPass, type PassModel, passOf } from './forward-pass.ts';
import { orderUnits } from './order.ts';
import type { Override } from './overrides.ts';

/** A step: a node of a model (its index, counted on over the graph's forward passes) or one of the graph's root. */
export type Unit = number | Node;

/** A value that is fed into a module that comes before its own. */
export class CycleError extends TraceError {
  /** The steps of the intervention graph on the cycle. */
  readonly steps: readonly Node[];

  constructor(steps: readonly Node[], message: string, site: Site | null) {
    super(message, site);
    this.steps = steps;
  }
}

/** What must run before what, across the intervention graph and the models that its forward passes run. */
export class Dependencies {
  readonly passes: readonly ForwardPass[];
  /** The number of each pass's first model node. */
  private readonly bases: number[] = [];
  private readonly rootNodes: ReadonlySet<Node>;

  constructor(graph: InterventionGraph, models: readonly PassModel[]) {
    this.passes = models.map(
      (model, pass) =>
        new ForwardPass(
          model,
          graph.root.nodes.filter((node) => ['write', 'forward'].includes(node.op) && passOf(node) === pass),
        ),
    );
    let base = 0;
    for (const { model } of this.passes) {
      this.bases.push(base);
      base += model.graph.node.length;
    }
    this.rootNodes = new Set(graph.root.nodes);
  }

  /** The pass of a model's node. */
  passOfUnit(unit: number): number {
    return this.bases.findLastIndex((base) => base <= unit);
  }

  /** The steps that must come right before a step. */
  needs(unit: Unit): Unit[] {
    const needed: Unit[] = [];
    if (typeof unit === 'number') {
      const pass = this.passOfUnit(unit);
      for (const read of this.passes[pass]!.reads(unit - this.bases[pass]!)) this.addRead(needed, pass, read);
    } else if (unit.op === 'read') {
      const pass = passOf(unit);
      this.addRead(needed, pass, this.passes[pass]!.tensorOf(unit));
    } else {
      this.addOuter(needed, unit);
    }
    return needed;
  }

  private addRead(needed: Unit[], pass: number, read: Override | string): void {
    if (typeof read !== 'string') {
      needed.push(read.value.node!);
      return;
    }
    const forward = this.passes[pass]!;
    const producer = forward.producer(read);
    if (producer !== undefined) needed.push(this.bases[pass]! + producer);
    else if (forward.feeds.has(read)) needed.push(forward.feeds.get(read)!.node!);
  }

  /** What a step and its bodies use of the root and of the models. */
  private addOuter(needed: Unit[], node: Node): void {
    for (const value of node.inputs) if (this.isRoot(value)) needed.push(value.node!);
    if (node.op === 'call') {
      const pass = passOf(node);
      const forward = this.passes[pass]!;
      for (const tensor of forward.callParts(node).outside) {
        this.addRead(needed, pass, forward.overrides.of(tensor, null) ?? tensor);
      }
    }
    for (const region of node.regions) {
      for (const inner of liveNodes(region)) this.addOuter(needed, inner);
      for (const value of region.results) if (this.isRoot(value)) needed.push(value.node!);
    }
  }

  private isRoot(value: Value): boolean {
    return value.node !== null && this.rootNodes.has(value.node);
  }

  /** The steps that some values need, in an order in which each comes after those it needs. Throws a TraceError on a cycle. */
  order(values: readonly Value[]): Unit[] {
    return orderUnits<Unit>(
      values.map(({ node }) => node!),
      (unit) => this.needs(unit),
      (cycle) => this.reportCycle(cycle),
    );
  }

  private reportCycle(cycle: readonly Unit[]): never {
    const nodes = cycle.filter((unit) => typeof unit !== 'number');
    const reads = nodes.filter((node) => node.op === 'read');
    const all = this.passes.flatMap(({ overrides }) => overrides.all);
    const write = all.find((one) => nodes.includes(one.value.node!) && reads.length > 0) ?? all[0]!;
    const target = write.node.attributes as unknown as TapAddress;
    const from = reads.map((node) => {
      const { path: module, port } = node.attributes as unknown as TapAddress;
      const site = readSite(node);
      return `${module || 'the model'}.${port}${site ? ` (read at ${formatSite(site)})` : ''}`;
    });
    throw new CycleError(
      nodes,
      `This is a cycle: ${target.path || 'the model'}.${target.port} is set to a value that depends on ${from.join(' and ') || 'itself'}, which is computed from it. A value can only be fed into modules that run after the one it comes from.`,
      write.node.site,
    );
  }

  /** Throws a TraceError for a write that none of the steps depends on. Writes in `lenient` may be without effect. */
  checkWrites(used: ReadonlySet<Unit>, lenient: ReadonlySet<Node>): void {
    for (const { value, node } of this.passes.flatMap(({ overrides }) => overrides.all)) {
      if (used.has(value.node!) || lenient.has(node)) continue;
      throw noEffect(node);
    }
  }
}

/** The error for a write that nothing saved depends on. */
export function noEffect(write: Node): TraceError {
  const { path, port } = write.attributes as unknown as TapAddress;
  return new TraceError(
    `${path || 'the model'}.${port} is set, but nothing that is saved depends on it, so it can have no effect. Save something that comes after it, or take the line out.`,
    write.site,
  );
}
