import type { InterventionGraph } from '../graph/graph.ts';
import { usesOf } from '../graph/live.ts';
import type { Node, Value } from '../graph/types.ts';
import type { Locate } from '../lowering/address.ts';
import type { Dependencies, Unit } from '../lowering/dependencies.ts';
import type { ForwardPass } from '../lowering/forward-pass.ts';
import { orderUnits } from '../lowering/order.ts';
import { graphLinks, type Links } from '../onnx/links.ts';
import type { OnnxModel } from '../onnx/read.ts';
import { outsideOf } from './choose-cuts.ts';
import type { Cuts } from './cuts.ts';
import type { Replaced } from './fragment.ts';
import type { Interventions } from './interventions.ts';
import type { Plan, Port, Step } from './plan.ts';
import { ranges } from './ranges.ts';
import { Slots } from './registers.ts';
import { schedule, type Turn } from './schedule.ts';
import type { Segments } from './segments.ts';

/** A model that is cut into pieces, and what is known of them. */
export interface CutModel {
  readonly model: OnnxModel;
  readonly locate: Locate;
  readonly cuts: Cuts;
  readonly segments: Segments;
  readonly interventions: Interventions;
}

/** Why a model has to run whole. */
export class Unsegmentable extends Error {}

/** Works out the plan of one graph. */
export class Planning {
  private readonly cut: CutModel;
  private readonly graph: InterventionGraph;
  private readonly dependencies: Dependencies;
  private readonly pass: ForwardPass;
  private readonly links: Links;
  private readonly slots: Slots;
  private readonly positions: ReadonlyMap<Node, number>;
  /** The nodes of the model that are needed, by piece. */
  private readonly nodes = new Map<number, number[]>();
  private readonly steps: Node[];
  /** What each piece has to give. */
  private readonly outputs = new Map<number, Set<string>>();
  /** The values that are needed outside of the turn that makes them. */
  private readonly wanted = new Set<Value>();

  constructor(cut: CutModel, graph: InterventionGraph, dependencies: Dependencies, units: readonly Unit[]) {
    this.cut = cut;
    this.graph = graph;
    this.dependencies = dependencies;
    this.pass = dependencies.passes[0]!;
    this.links = graphLinks(cut.model.graph);
    this.slots = new Slots(
      graph,
      cut.model.inputs.map(({ name }) => name),
    );
    this.positions = new Map(graph.root.nodes.map((node, position) => [node, position]));
    this.steps = units.filter((unit) => typeof unit !== 'number');
    for (const unit of units) {
      const piece = typeof unit === 'number' ? cut.cuts.pieces[unit]! : null;
      if (piece === null) continue;
      const own = this.nodes.get(piece);
      if (own) own.push(unit as number);
      else this.nodes.set(piece, [unit as number]);
    }
  }

  plan(): Plan {
    this.collectOutputs();
    // A tensor of the model that is read is that tensor.
    for (const step of this.steps) {
      if (step.op === 'read' && this.isPassed(step)) this.slots.alias(step.outputs[0]!, this.pass.tensorOf(step));
    }
    const needs = new Map<Unit, readonly Unit[]>();
    const needsOf = (unit: Unit) => {
      const known = needs.get(unit) ?? this.needs(unit);
      needs.set(unit, known);
      return known;
    };
    const order = orderUnits<Unit>(
      this.graph.saves.map(({ value }) => value.node!),
      needsOf,
      () => {
        throw new Unsegmentable();
      },
    );
    const turns = schedule(
      order.filter((unit) => typeof unit === 'number' || this.isStep(unit)),
      (unit) => needsOf(unit).filter((need) => typeof need === 'number' || this.isStep(need)),
    );
    this.collectWanted(turns);
    const steps = turns.flatMap((turn) => this.step(turn) ?? []);
    const { cuts } = this.cut;
    const skipped = cuts.nodes.flatMap((_, piece) => (this.nodes.has(piece) ? [] : [cuts.label(piece)]));
    return this.slots.plan(steps, skipped);
  }

  /** Whether something has to run for a node: tensors that pieces give are just there. */
  private isStep(node: Node): boolean {
    return node.op !== 'operand' && !(node.op === 'read' && this.isPassed(node));
  }

  /** Whether what a node reads is passed on from piece to piece; constants are made where they are needed. */
  private isPassed(node: Node): boolean {
    return !this.links.constant.has(this.pass.tensorOf(node));
  }

  private give(tensor: string, reader: number | null): void {
    const maker = this.links.maker.get(tensor);
    const piece = maker === undefined ? null : this.cut.cuts.pieces[maker]!;
    if (piece === null || piece === reader) return;
    this.outputs.set(piece, (this.outputs.get(piece) ?? new Set()).add(tensor));
  }

  private collectOutputs(): void {
    for (const [piece, nodes] of this.nodes) {
      for (const node of nodes) {
        for (const read of this.pass.reads(node)) if (typeof read === 'string') this.give(read, piece);
      }
    }
    for (const step of this.steps) {
      if (step.op === 'read') this.give(this.pass.tensorOf(step), null);
      for (const tensor of outsideOf(step, this.pass)) {
        if (!this.pass.overrides.of(tensor, null)) this.give(tensor, null);
      }
    }
  }

  /** What must run before a piece or a step, in terms of pieces and steps. */
  private needs(unit: Unit): Unit[] {
    const found = new Set<Unit>();
    const constants = new Set<number>();
    const add = (need: Unit) => {
      const piece = typeof need === 'number' ? this.cut.cuts.pieces[need]! : null;
      if (typeof need !== 'number') found.add(need);
      else if (piece !== null) found.add(piece);
      else if (!constants.has(need)) {
        constants.add(need);
        for (const inner of this.dependencies.needs(need)) add(inner);
      }
    };
    for (const part of typeof unit === 'number' ? this.nodes.get(unit)! : [unit]) {
      for (const need of this.dependencies.needs(part)) add(need);
    }
    if (typeof unit === 'number') found.delete(unit);
    return [...found];
  }

  private collectWanted(turns: readonly Turn[]): void {
    for (const { value } of this.graph.saves) this.wanted.add(value);
    for (const { value } of this.pass.overrides.all) this.wanted.add(value);
    for (const turn of turns) {
      if (typeof turn === 'number') continue;
      const nodes = isGroup(turn) ? turn : [turn];
      const own = new Set(nodes);
      for (const value of nodes.flatMap(usesOf)) {
        if (value.node !== null && !own.has(value.node)) this.wanted.add(value);
      }
    }
  }

  private step(turn: Turn): Omit<Step, 'drops'> | null {
    if (typeof turn === 'number') return this.segment(turn);
    return isGroup(turn) ? this.intervention(turn) : this.call(turn);
  }

  private segment(piece: number): Omit<Step, 'drops'> {
    const { cuts, segments } = this.cut;
    const nodes = [...this.nodes.get(piece)!].sort((a, b) => a - b);
    const outputs = [...(this.outputs.get(piece) ?? [])].sort();
    const replaced: Replaced = (tensor, reader) => this.pass.overrides.of(tensor, reader)?.value;
    const found = segments.of({
      nodes,
      outputs,
      family: cuts.keys[piece]!,
      replaced: this.isAffected(piece) ? replaced : null,
    });
    if (!found) throw new Unsegmentable();
    return {
      piece: found.piece,
      kind: 'segment',
      label: cuts.label(piece),
      feeds: this.feeds(found.inputs),
      fetches: outputs.map((name) => ({ name, slot: this.slots.of(name) })),
      nodes: [],
    };
  }

  /** Whether something that a piece reads was replaced; constants are read by whoever needs them. */
  private isAffected(piece: number): boolean {
    return this.pass.overrides.all.some(
      ({ tensor }) =>
        this.links.constant.has(tensor) ||
        (this.links.readers.get(tensor) ?? []).some((reader) => this.cut.cuts.pieces[reader] === piece),
    );
  }

  private feeds(inputs: ReadonlyMap<string, string | Value>): Port[] {
    return [...inputs].map(([name, source]) => ({ name, slot: this.slots.of(source) }));
  }

  private intervention(nodes: readonly Node[]): Omit<Step, 'drops'> {
    const outputs = nodes.flatMap((node) => node.outputs.filter((value) => this.wanted.has(value)));
    const given = [...new Set(nodes.flatMap((node) => outsideOf(node, this.pass)))];
    const { piece, feeds, fetches } = this.cut.interventions.of(nodes, outputs, given);
    return {
      piece,
      kind: 'intervention',
      label: 'interventions',
      feeds: feeds.map(({ name, source }) => ({
        name,
        slot: this.slots.of(typeof source === 'string' ? this.instead(source) : source),
      })),
      fetches: fetches.map(({ name, value }) => ({ name, slot: this.slots.of(value) })),
      nodes: nodes.map((node) => this.positions.get(node)!),
    };
  }

  /** What the call of a module finds for a tensor from elsewhere. */
  private instead(tensor: string): string | Value {
    return this.pass.overrides.of(tensor, null)?.value ?? tensor;
  }

  /** The call of a module on other values; null where the module does nothing. */
  private call(node: Node): Omit<Step, 'drops'> | null {
    const { nodes, inputs, outputs } = this.pass.callParts(node);
    const given = new Map(node.inputs.map((value, i) => [inputs[i]!, value]));
    const made = new Set(nodes.flatMap((index) => this.cut.model.graph.node[index]!.output));
    const own = [...new Set(outputs.filter((tensor) => made.has(tensor) && !given.has(tensor)))].sort();
    const results = new Map(own.map((tensor) => [tensor, [] as Value[]]));
    outputs.forEach((tensor, i) => {
      const value = node.outputs[i];
      if (!value) return;
      const source = given.get(tensor);
      if (source) this.slots.alias(value, source);
      else if (results.has(tensor)) results.get(tensor)!.push(value);
      else this.slots.alias(value, this.instead(tensor));
    });
    if (own.length === 0) return null;
    const replaced = (tensor: string) =>
      given.get(tensor) ?? (made.has(tensor) ? undefined : this.pass.overrides.of(tensor, null)?.value);
    const found = this.cut.segments.of({ nodes, outputs: own, family: ranges(nodes), replaced });
    if (!found) throw new Unsegmentable();
    return {
      piece: found.piece,
      kind: 'call',
      label: `the call of ${(node.attributes as { path?: string }).path}`,
      feeds: this.feeds(found.inputs),
      fetches: [...results].flatMap(([name, values]) => values.map((value) => ({ name, slot: this.slots.of(value) }))),
      nodes: [this.positions.get(node)!],
    };
  }
}

function isGroup(turn: Node | readonly Node[]): turn is readonly Node[] {
  return Array.isArray(turn);
}
