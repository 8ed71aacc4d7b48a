import { usesOf } from '../graph/live.ts';
import type { Node, NodeOf, Value } from '../graph/types.ts';
import type { Dependencies, Vertex } from '../lowering/dependencies.ts';
import type { Forward } from '../lowering/forward.ts';
import { topologicalOrder } from '../lowering/topological-order.ts';
import type { Links } from '../onnx/links.ts';
import type { OnnxModel } from '../onnx/model.ts';
import { outsideOf } from './choose-cuts.ts';
import { type CutModel, Unsegmentable } from './cut-model.ts';
import type { Cuts, Entering } from './cuts.ts';
import { restoredFrom, restoredTensors } from './restored.ts';
import type { Group, SegmentOrNode } from './schedule.ts';

/** The graph of dependencies in terms of segments: which are needed, what each has to give, and what needs what. */
export class SegmentGraph {
  /** The nodes of the model that are needed, by segment. */
  readonly nodes = new Map<number, number[]>();
  /** The tensors that each segment has to give. */
  readonly outputs = new Map<number, Set<string>>();
  readonly forward: Forward;
  private readonly cuts: Cuts;
  private readonly segmentOf: readonly (number | null)[];
  private readonly setsConstants: boolean;
  private readonly dependencies: Dependencies;
  private readonly graphNodes: readonly Node[];
  private readonly model: OnnxModel;
  private readonly links: Links;
  /** The nodes of which each segment that needs them has a copy, and their own segment none. */
  private readonly leftOut = new Set<number>();
  private readonly known = new Map<SegmentOrNode, readonly SegmentOrNode[]>();

  /** @param vertices what has to run */
  constructor({ model, cuts }: CutModel, dependencies: Dependencies, vertices: readonly Vertex[]) {
    this.cuts = cuts;
    this.segmentOf = cuts.segmentOf;
    this.dependencies = dependencies;
    this.forward = dependencies.forwards[0]!;
    this.graphNodes = vertices.filter((vertex) => typeof vertex !== 'number');
    this.model = model;
    this.links = model.links;
    this.setsConstants = this.forward.overrides.all.some(({ tensor }) => this.links.constant.has(tensor));
    for (const vertex of vertices) if (typeof vertex === 'number') this.addNode(vertex);
    this.collectOutputs();
    this.leaveOutRestorers();
  }

  /** The reads of tensors that segments, or the model's inputs, give: nothing has to run for them. */
  passedReads(): NodeOf<'read'>[] {
    return this.graphNodes.filter((node) => node.op === 'read').filter((read) => this.isPassed(read));
  }

  /** What has to run for some values, each after what it needs. Throws Unsegmentable where that goes in a circle. */
  order(values: readonly Value[]): SegmentOrNode[] {
    const order = topologicalOrder<SegmentOrNode>(
      values.map(({ node }) => node!),
      (vertex) => this.allNeeds(vertex),
      () => {
        throw new Unsegmentable();
      },
    );
    return order.filter((vertex) => this.runs(vertex));
  }

  /** What has to run right before a segment or a node of the graph. */
  needs(vertex: SegmentOrNode): SegmentOrNode[] {
    return this.allNeeds(vertex).filter((need) => this.runs(need));
  }

  /** The values of the graph that are needed outside of the group that makes them. */
  sharedValues(saves: readonly Value[], groups: readonly Group[]): Set<Value> {
    const shared = new Set([...saves, ...this.forward.overrides.all.map(({ value }) => value)]);
    for (const group of groups) {
      if (group.kind === 'segment') continue;
      const nodes = group.kind === 'call' ? [group.node] : group.nodes;
      const own = new Set(nodes);
      for (const value of nodes.flatMap(usesOf)) if (value.node !== null && !own.has(value.node)) shared.add(value);
    }
    return shared;
  }

  private addNode(index: number): void {
    const segment = this.segmentOf[index]!;
    if (segment === null) return;
    const own = this.nodes.get(segment);
    if (own) own.push(index);
    else this.nodes.set(segment, [index]);
  }

  private runs(vertex: SegmentOrNode): boolean {
    return typeof vertex === 'number' || (vertex.op !== 'operand' && !(vertex.op === 'read' && this.isPassed(vertex)));
  }

  /** Whether what a node reads is passed on from segment to segment; constants are made where they are needed. */
  private isPassed(read: NodeOf<'read'>): boolean {
    return !this.links.constant.has(this.forward.tensorOf(read));
  }

  private collectOutputs(): void {
    for (const segment of this.nodes.keys()) {
      for (const { reader, tensor } of this.enteringOf(segment)) {
        if (!this.forward.overrides.of(tensor, reader)) this.handOn(tensor, segment);
      }
    }
    for (const node of this.graphNodes) {
      if (node.op === 'read') this.addOutput(this.forward.tensorOf(node), null);
      for (const tensor of outsideOf(node, this.forward)) {
        if (this.forward.overrides.of(tensor, null)) continue;
        this.addOutput(tensor, null);
        // A call of a module restores it itself.
        this.handOn(tensor, null);
      }
    }
  }

  /** What the nodes of a segment that are needed read of other segments. */
  private enteringOf(segment: number): readonly Entering[] {
    const entering = this.cuts.enteringOf(segment);
    const own = this.nodes.get(segment)!;
    if (own.length === this.cuts.nodes[segment]!.length) return entering;
    const needed = new Set(own);
    return entering.filter(({ reader }) => needed.has(reader));
  }

  /** What one is given for a tensor of another segment: where it restores the tensor itself, the quantized one. */
  private handOn(tensor: string, reader: number | null): void {
    this.addOutput(restoredFrom(this.model, tensor) ?? tensor, reader);
  }

  /** What restores tensors for other segments alone has nothing to do: they do so themselves. */
  private leaveOutRestorers(): void {
    if (restoredTensors(this.model).size === 0) return;
    for (const [segment, nodes] of this.nodes) {
      const made = (index: number) => this.model.graph.node[index]!.output[0]!;
      const restorers = new Set(nodes.filter((index) => restoredFrom(this.model, made(index)) !== null));
      if (restorers.size === 0) continue;
      const read = new Set(nodes.flatMap((index) => this.forward.reads(index)));
      const given = this.outputs.get(segment);
      const isUsed = (index: number) => read.has(made(index)) || given?.has(made(index));
      const used = nodes.filter((index) => !restorers.has(index) || isUsed(index));
      this.nodes.set(segment, used);
      if (used.length === 0) this.nodes.delete(segment);
      for (const index of restorers) if (!isUsed(index)) this.leftOut.add(index);
    }
  }

  /** Whether a node runs with whatever needs it: one that makes a constant, or restores a tensor. */
  private isCopied(index: number): boolean {
    return (
      this.segmentOf[index] === null || restoredFrom(this.model, this.model.graph.node[index]!.output[0]!) !== null
    );
  }

  /** A tensor that is read outside of the segment that makes it is one of its outputs. */
  private addOutput(tensor: string, reader: number | null): void {
    const maker = this.links.maker.get(tensor);
    const segment = maker === undefined ? null : this.segmentOf[maker]!;
    if (segment === null || segment === reader) return;
    this.outputs.set(segment, (this.outputs.get(segment) ?? new Set()).add(tensor));
  }

  private allNeeds(vertex: SegmentOrNode): readonly SegmentOrNode[] {
    const known = this.known.get(vertex) ?? this.findNeeds(vertex);
    this.known.set(vertex, known);
    return known;
  }

  private findNeeds(vertex: SegmentOrNode): SegmentOrNode[] {
    const found = new Set<SegmentOrNode>();
    const copied = new Set<number>();
    const open: Vertex[] = [];
    // The first one comes out first.
    const add = (needs: Iterable<Vertex>) => open.push(...[...needs].reverse());
    for (const needs of this.firstNeeds(vertex)) {
      add(needs);
      for (let need = open.pop(); need !== undefined; need = open.pop()) {
        const segment = typeof need === 'number' ? this.segmentOf[need]! : null;
        if (typeof need !== 'number') found.add(need);
        else if (segment !== null && !this.leftOut.has(need)) found.add(segment);
        if (typeof need !== 'number' || copied.has(need) || !this.isCopied(need)) continue;
        copied.add(need);
        add(this.dependencies.needs(need));
      }
    }
    if (typeof vertex === 'number') found.delete(vertex);
    return [...found];
  }

  /** What a node needs, or the nodes of a segment: of most of them only what other segments make leads out of it. */
  private *firstNeeds(vertex: SegmentOrNode): Iterable<readonly Vertex[]> {
    if (typeof vertex !== 'number') {
      yield this.dependencies.needs(vertex);
      return;
    }
    // Where a constant is set, whatever is made of it leads to the value.
    const isAffected = (node: number) => this.setsConstants || this.forward.isAffected(node);
    for (const node of this.nodes.get(vertex)!) if (isAffected(node)) yield this.dependencies.needs(node);
    for (const { reader, tensor } of this.enteringOf(vertex)) {
      if (!isAffected(reader)) yield [this.links.maker.get(tensor)!];
    }
  }
}
