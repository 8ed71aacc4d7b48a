import type { Node, NodeOf, Value } from '../graph/types.ts';
import type { Forward } from '../lowering/forward.ts';
import type { Links } from '../onnx/links.ts';
import { outsideOf } from './choose-cuts.ts';
import { type CutModel, Unsegmentable } from './cut-model.ts';
import type { Replaced } from './fragment.ts';
import type { Port } from './plan.ts';
import { ranges } from './ranges.ts';
import type { NewDispatch, Registers } from './registers.ts';
import { restoredFrom } from './restored.ts';
import type { Group } from './schedule.ts';
import type { SegmentGraph } from './segment-graph.ts';

/** What the dispatches of one plan are made for. */
export interface DispatchContext {
  readonly cut: CutModel;
  readonly needed: SegmentGraph;
  readonly registers: Registers;
  /** The positions of the nodes in the root of the graph. */
  readonly positions: ReadonlyMap<Node, number>;
  /** The values that are needed outside of the group that makes them. */
  readonly shared: ReadonlySet<Value>;
}

/** Makes the dispatches of one plan: which program runs a group, and what enters and leaves it. */
export class Dispatches {
  private readonly context: DispatchContext;
  private readonly forward: Forward;
  private readonly links: Links;

  constructor(context: DispatchContext) {
    this.context = context;
    this.forward = context.needed.forward;
    this.links = context.cut.model.links;
  }

  /** Null for the call of a module that does nothing. Throws Unsegmentable where no program can run the group. */
  of(group: Group): NewDispatch | null {
    switch (group.kind) {
      case 'segment':
        return this.segment(group.segment);
      case 'intervention':
        return this.intervention(group.nodes);
      case 'call':
        return this.call(group.node);
    }
  }

  private segment(segment: number): NewDispatch {
    const { cut, needed, registers } = this.context;
    const outputs = [...(needed.outputs.get(segment) ?? [])].sort();
    const replaced: Replaced = (tensor, reader) => this.forward.overrides.of(tensor, reader)?.value;
    const found = cut.segments.of({
      nodes: [...needed.nodes.get(segment)!].sort((a, b) => a - b),
      outputs,
      segment: cut.cuts.keys[segment]!,
      all: cut.cuts.nodes[segment]!,
      replaced: this.isAffected(segment) ? replaced : null,
    });
    if (!found) throw new Unsegmentable();
    return {
      program: found.program,
      kind: 'segment',
      label: cut.cuts.label(segment),
      feeds: this.feeds(found.inputs),
      fetches: outputs.map((name) => ({ name, register: registers.of(name) })),
      nodes: [],
    };
  }

  /** Whether something that a segment reads was replaced; every segment makes the constants, and restores the tensors, that it needs. */
  private isAffected(segment: number): boolean {
    const { model, cuts } = this.context.cut;
    const isRestored = (tensor: string, reader: number) =>
      restoredFrom(model, model.graph.node[reader]!.output[0]!) === tensor;
    return this.forward.overrides.all.some(
      ({ tensor }) =>
        this.links.constant.has(tensor) ||
        (this.links.readers.get(tensor) ?? []).some(
          (reader) => cuts.segmentOf[reader] === segment || isRestored(tensor, reader),
        ),
    );
  }

  private intervention(nodes: readonly Node[]): NewDispatch {
    const { cut, registers, positions, shared } = this.context;
    const outputs = nodes.flatMap((node) => node.outputs.filter((value) => shared.has(value)));
    const outside = [...new Set(nodes.flatMap((node) => outsideOf(node, this.forward)))];
    const { program, feeds, fetches } = cut.interventions.of(nodes, outputs, outside);
    return {
      program,
      kind: 'intervention',
      label: 'interventions',
      feeds: feeds.map(({ name, source }) => ({
        name,
        register: registers.of(typeof source === 'string' ? this.instead(source) : source),
      })),
      fetches: fetches.map(({ name, value }) => ({ name, register: registers.of(value) })),
      nodes: nodes.map((node) => positions.get(node)!),
    };
  }

  /** The call of a module on other values; null where the module does nothing. */
  private call(node: NodeOf<'call'>): NewDispatch | null {
    const { cut, registers, positions } = this.context;
    const { nodes, inputs, outputs } = this.forward.calledModule(node);
    const { graph, plain } = cut.model;
    if (nodes.some((index) => graph.node[index] !== plain.graph.node[index])) throw new Unsegmentable();
    const given = new Map(node.inputs.map((value, i) => [inputs[i]!, value]));
    const made = new Set(nodes.flatMap((index) => cut.model.graph.node[index]!.output));
    const own = [...new Set(outputs.filter((tensor) => made.has(tensor) && !given.has(tensor)))].sort();
    const results = new Map(own.map((tensor) => [tensor, [] as Value[]]));
    outputs.forEach((tensor, i) => {
      const value = node.outputs[i];
      if (!value) return;
      const source = given.get(tensor);
      if (source) registers.alias(value, source);
      else if (results.has(tensor)) results.get(tensor)!.push(value);
      else registers.alias(value, this.instead(tensor));
    });
    if (own.length === 0) return null;
    const replaced = (tensor: string) =>
      given.get(tensor) ?? (made.has(tensor) ? undefined : this.forward.overrides.of(tensor, null)?.value);
    const found = cut.segments.of({ nodes, outputs: own, segment: ranges(nodes), all: nodes, replaced });
    if (!found) throw new Unsegmentable();
    return {
      program: found.program,
      kind: 'call',
      label: `the call of ${node.attributes.path}`,
      feeds: this.feeds(found.inputs),
      fetches: [...results].flatMap(([name, values]) =>
        values.map((value) => ({ name, register: registers.of(value) })),
      ),
      nodes: [positions.get(node)!],
    };
  }

  private feeds(inputs: ReadonlyMap<string, string | Value>): Port[] {
    return [...inputs].map(([name, source]) => ({ name, register: this.context.registers.of(source) }));
  }

  /** What the call of a module finds for a tensor from elsewhere. */
  private instead(tensor: string): string | Value {
    return this.forward.overrides.of(tensor, null)?.value ?? tensor;
  }
}
