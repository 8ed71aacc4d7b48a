import { usesOf } from '../graph/live.ts';
import type { Node, NodeOf, Value } from '../graph/types.ts';
import type { Dependencies, Vertex } from '../lowering/dependencies.ts';
import type { Forward } from '../lowering/forward.ts';
import { topologicalOrder } from '../lowering/topological-order.ts';
import type { Links } from '../onnx/links.ts';
import { outsideOf } from './choose-cuts.ts';
import { type CutModel, Unsegmentable } from './cut-model.ts';
import type { Group, SegmentOrNode } from './schedule.ts';

/** The graph of dependencies in terms of segments: which are needed, what each has to give, and what needs what. */
export class SegmentGraph {
  /** The nodes of the model that are needed, by segment. */
  readonly nodes = new Map<number, number[]>();
  /** The tensors that each segment has to give. */
  readonly outputs = new Map<number, Set<string>>();
  readonly forward: Forward;
  private readonly segmentOf: readonly (number | null)[];
  private readonly dependencies: Dependencies;
  private readonly graphNodes: readonly Node[];
  private readonly links: Links;
  private readonly known = new Map<SegmentOrNode, readonly SegmentOrNode[]>();

  /** @param vertices what has to run */
  constructor({ model, cuts }: CutModel, dependencies: Dependencies, vertices: readonly Vertex[]) {
    this.segmentOf = cuts.segmentOf;
    this.dependencies = dependencies;
    this.forward = dependencies.forwards[0]!;
    this.graphNodes = vertices.filter((vertex) => typeof vertex !== 'number');
    this.links = model.links;
    for (const vertex of vertices) if (typeof vertex === 'number') this.addNode(vertex);
    this.collectOutputs();
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
    for (const [segment, nodes] of this.nodes) {
      for (const read of nodes.flatMap((node) => this.forward.reads(node))) {
        if (typeof read === 'string') this.addOutput(read, segment);
      }
    }
    for (const node of this.graphNodes) {
      if (node.op === 'read') this.addOutput(this.forward.tensorOf(node), null);
      for (const tensor of outsideOf(node, this.forward)) {
        if (!this.forward.overrides.of(tensor, null)) this.addOutput(tensor, null);
      }
    }
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
    const constants = new Set<number>();
    const open: Vertex[] = [];
    // The first one comes out first.
    const add = (needs: Iterable<Vertex>) => open.push(...[...needs].reverse());
    for (const own of typeof vertex === 'number' ? this.nodes.get(vertex)! : [vertex]) {
      add(this.dependencies.needs(own));
      for (let need = open.pop(); need !== undefined; need = open.pop()) {
        const segment = typeof need === 'number' ? this.segmentOf[need]! : null;
        if (typeof need !== 'number') found.add(need);
        else if (segment !== null) found.add(segment);
        else if (!constants.has(need)) {
          // A node that makes a constant runs with what needs it.
          constants.add(need);
          add(this.dependencies.needs(need));
        }
      }
    }
    if (typeof vertex === 'number') found.delete(vertex);
    return [...found];
  }
}
