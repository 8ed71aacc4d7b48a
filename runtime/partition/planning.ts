import type { InterventionGraph } from '../graph/graph.ts';
import { usesOf } from '../graph/live.ts';
import type { Node, Value } from '../graph/types.ts';
import type { Locate } from '../lowering/address.ts';
import type { Dependencies, Vertex } from '../lowering/dependencies.ts';
import type { Forward } from '../lowering/forward.ts';
import { topologicalOrder } from '../lowering/topological-order.ts';
import { graphLinks, type Links } from '../onnx/links.ts';
import type { OnnxModel } from '../onnx/read.ts';
import { outsideOf } from './choose-cuts.ts';
import type { Cuts } from './cuts.ts';
import type { Replaced } from './fragment.ts';
import type { InterventionPrograms } from './intervention-programs.ts';
import type { Dispatch, Plan, Port } from './plan.ts';
import { ranges } from './ranges.ts';
import { Registers } from './registers.ts';
import { schedule, type Turn } from './schedule.ts';
import type { SegmentPrograms } from './segment-programs.ts';

/** A model that is cut into segments, and what is known of them. */
export interface CutModel {
  readonly model: OnnxModel;
  readonly locate: Locate;
  readonly cuts: Cuts;
  readonly segments: SegmentPrograms;
  readonly interventions: InterventionPrograms;
}

/** Why a model has to run whole. */
export class Unsegmentable extends Error {}

/** Works out the plan of one graph. */
export class Planning {
  private readonly cut: CutModel;
  private readonly graph: InterventionGraph;
  private readonly dependencies: Dependencies;
  private readonly forward: Forward;
  private readonly links: Links;
  private readonly registers: Registers;
  private readonly positions: ReadonlyMap<Node, number>;
  /** The nodes of the model that are needed, by segment. */
  private readonly nodes = new Map<number, number[]>();
  private readonly interventionNodes: Node[];
  /** What each segment has to give. */
  private readonly outputs = new Map<number, Set<string>>();
  /** The values that are needed outside of the turn that makes them. */
  private readonly wanted = new Set<Value>();

  constructor(cut: CutModel, graph: InterventionGraph, dependencies: Dependencies, vertices: readonly Vertex[]) {
    this.cut = cut;
    this.graph = graph;
    this.dependencies = dependencies;
    this.forward = dependencies.forwards[0]!;
    this.links = graphLinks(cut.model.graph);
    this.registers = new Registers(
      graph,
      cut.model.inputs.map(({ name }) => name),
    );
    this.positions = new Map(graph.root.nodes.map((node, position) => [node, position]));
    this.interventionNodes = vertices.filter((vertex) => typeof vertex !== 'number');
    for (const vertex of vertices) {
      const segment = typeof vertex === 'number' ? cut.cuts.segmentOf[vertex]! : null;
      if (segment === null) continue;
      const own = this.nodes.get(segment);
      if (own) own.push(vertex as number);
      else this.nodes.set(segment, [vertex as number]);
    }
  }

  plan(): Plan {
    this.collectOutputs();
    // A tensor of the model that is read is that tensor.
    for (const node of this.interventionNodes) {
      if (node.op === 'read' && this.isPassed(node))
        this.registers.alias(node.outputs[0]!, this.forward.tensorOf(node));
    }
    const needs = new Map<Vertex, readonly Vertex[]>();
    const needsOf = (vertex: Vertex) => {
      const known = needs.get(vertex) ?? this.needs(vertex);
      needs.set(vertex, known);
      return known;
    };
    const order = topologicalOrder<Vertex>(
      this.graph.saves.map(({ value }) => value.node!),
      needsOf,
      () => {
        throw new Unsegmentable();
      },
    );
    const turns = schedule(
      order.filter((vertex) => typeof vertex === 'number' || this.isRun(vertex)),
      (vertex) => needsOf(vertex).filter((need) => typeof need === 'number' || this.isRun(need)),
    );
    this.collectWanted(turns);
    const dispatches = turns.flatMap((turn) => this.dispatch(turn) ?? []);
    const { cuts } = this.cut;
    const skipped = cuts.nodes.flatMap((_, segment) => (this.nodes.has(segment) ? [] : [cuts.label(segment)]));
    return this.registers.plan(dispatches, skipped);
  }

  /** Whether something has to run for a node: tensors that segments give are just there. */
  private isRun(node: Node): boolean {
    return node.op !== 'operand' && !(node.op === 'read' && this.isPassed(node));
  }

  /** Whether what a node reads is passed on from segment to segment; constants are made where they are needed. */
  private isPassed(node: Node): boolean {
    return !this.links.constant.has(this.forward.tensorOf(node));
  }

  private give(tensor: string, reader: number | null): void {
    const maker = this.links.maker.get(tensor);
    const segment = maker === undefined ? null : this.cut.cuts.segmentOf[maker]!;
    if (segment === null || segment === reader) return;
    this.outputs.set(segment, (this.outputs.get(segment) ?? new Set()).add(tensor));
  }

  private collectOutputs(): void {
    for (const [segment, nodes] of this.nodes) {
      for (const node of nodes) {
        for (const read of this.forward.reads(node)) if (typeof read === 'string') this.give(read, segment);
      }
    }
    for (const node of this.interventionNodes) {
      if (node.op === 'read') this.give(this.forward.tensorOf(node), null);
      for (const tensor of outsideOf(node, this.forward)) {
        if (!this.forward.overrides.of(tensor, null)) this.give(tensor, null);
      }
    }
  }

  /** What must run before a segment or a node of the graph, in terms of these. */
  private needs(vertex: Vertex): Vertex[] {
    const found = new Set<Vertex>();
    const constants = new Set<number>();
    const add = (need: Vertex) => {
      const segment = typeof need === 'number' ? this.cut.cuts.segmentOf[need]! : null;
      if (typeof need !== 'number') found.add(need);
      else if (segment !== null) found.add(segment);
      else if (!constants.has(need)) {
        constants.add(need);
        for (const inner of this.dependencies.needs(need)) add(inner);
      }
    };
    for (const part of typeof vertex === 'number' ? this.nodes.get(vertex)! : [vertex]) {
      for (const need of this.dependencies.needs(part)) add(need);
    }
    if (typeof vertex === 'number') found.delete(vertex);
    return [...found];
  }

  private collectWanted(turns: readonly Turn[]): void {
    for (const { value } of this.graph.saves) this.wanted.add(value);
    for (const { value } of this.forward.overrides.all) this.wanted.add(value);
    for (const turn of turns) {
      if (typeof turn === 'number') continue;
      const nodes = isGroup(turn) ? turn : [turn];
      const own = new Set(nodes);
      for (const value of nodes.flatMap(usesOf)) {
        if (value.node !== null && !own.has(value.node)) this.wanted.add(value);
      }
    }
  }

  private dispatch(turn: Turn): Omit<Dispatch, 'drops'> | null {
    if (typeof turn === 'number') return this.segment(turn);
    return isGroup(turn) ? this.intervention(turn) : this.call(turn);
  }

  private segment(segment: number): Omit<Dispatch, 'drops'> {
    const { cuts, segments } = this.cut;
    const nodes = [...this.nodes.get(segment)!].sort((a, b) => a - b);
    const outputs = [...(this.outputs.get(segment) ?? [])].sort();
    const replaced: Replaced = (tensor, reader) => this.forward.overrides.of(tensor, reader)?.value;
    const found = segments.of({
      nodes,
      outputs,
      segment: cuts.keys[segment]!,
      replaced: this.isAffected(segment) ? replaced : null,
    });
    if (!found) throw new Unsegmentable();
    return {
      program: found.program,
      kind: 'segment',
      label: cuts.label(segment),
      feeds: this.feeds(found.inputs),
      fetches: outputs.map((name) => ({ name, register: this.registers.of(name) })),
      nodes: [],
    };
  }

  /** Whether something that a segment reads was replaced; a constant is read by every segment that needs it. */
  private isAffected(segment: number): boolean {
    return this.forward.overrides.all.some(
      ({ tensor }) =>
        this.links.constant.has(tensor) ||
        (this.links.readers.get(tensor) ?? []).some((reader) => this.cut.cuts.segmentOf[reader] === segment),
    );
  }

  private feeds(inputs: ReadonlyMap<string, string | Value>): Port[] {
    return [...inputs].map(([name, source]) => ({ name, register: this.registers.of(source) }));
  }

  private intervention(nodes: readonly Node[]): Omit<Dispatch, 'drops'> {
    const outputs = nodes.flatMap((node) => node.outputs.filter((value) => this.wanted.has(value)));
    const given = [...new Set(nodes.flatMap((node) => outsideOf(node, this.forward)))];
    const { program, feeds, fetches } = this.cut.interventions.of(nodes, outputs, given);
    return {
      program,
      kind: 'intervention',
      label: 'interventions',
      feeds: feeds.map(({ name, source }) => ({
        name,
        register: this.registers.of(typeof source === 'string' ? this.instead(source) : source),
      })),
      fetches: fetches.map(({ name, value }) => ({ name, register: this.registers.of(value) })),
      nodes: nodes.map((node) => this.positions.get(node)!),
    };
  }

  /** What the call of a module finds for a tensor from elsewhere. */
  private instead(tensor: string): string | Value {
    return this.forward.overrides.of(tensor, null)?.value ?? tensor;
  }

  /** The call of a module on other values; null where the module does nothing. */
  private call(node: Node): Omit<Dispatch, 'drops'> | null {
    const { nodes, inputs, outputs } = this.forward.calledModule(node);
    const given = new Map(node.inputs.map((value, i) => [inputs[i]!, value]));
    const made = new Set(nodes.flatMap((index) => this.cut.model.graph.node[index]!.output));
    const own = [...new Set(outputs.filter((tensor) => made.has(tensor) && !given.has(tensor)))].sort();
    const results = new Map(own.map((tensor) => [tensor, [] as Value[]]));
    outputs.forEach((tensor, i) => {
      const value = node.outputs[i];
      if (!value) return;
      const source = given.get(tensor);
      if (source) this.registers.alias(value, source);
      else if (results.has(tensor)) results.get(tensor)!.push(value);
      else this.registers.alias(value, this.instead(tensor));
    });
    if (own.length === 0) return null;
    const replaced = (tensor: string) =>
      given.get(tensor) ?? (made.has(tensor) ? undefined : this.forward.overrides.of(tensor, null)?.value);
    const found = this.cut.segments.of({ nodes, outputs: own, segment: ranges(nodes), replaced });
    if (!found) throw new Unsegmentable();
    return {
      program: found.program,
      kind: 'call',
      label: `the call of ${(node.attributes as { path?: string }).path}`,
      feeds: this.feeds(found.inputs),
      fetches: [...results].flatMap(([name, values]) =>
        values.map((value) => ({ name, register: this.registers.of(value) })),
      ),
      nodes: [this.positions.get(node)!],
    };
  }
}

function isGroup(turn: Node | readonly Node[]): turn is readonly Node[] {
  return Array.isArray(turn);
}
