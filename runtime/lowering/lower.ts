import { create, toBinary } from '@bufbuild/protobuf';
import { GraphProtoSchema, type ModelProto, ModelProtoSchema, type NodeProto } from 'onnx-buf';
import { formatSite, TraceError } from '../errors.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { liveNodes } from '../graph/live.ts';
import type { Node, Value } from '../graph/types.ts';
import type { OnnxModel } from '../model/read.ts';
import type { TapAddress } from '../tracing/model.ts';
import { readSite } from '../tracing/read-sites.ts';
import type { Locate } from './address.ts';
import { readsOf, renameReads } from './captures.ts';
import { onnxValue } from './onnx.ts';
import { Names, Writer } from './writer.ts';

/** A rewritten model, ready for ONNX Runtime. */
export interface Lowered {
  readonly bytes: Uint8Array;
  /** The model's own inputs that it still needs. */
  readonly inputs: readonly string[];
  /** The operands it needs: their positions among the graph's operands, and the names of their inputs. */
  readonly operands: readonly { readonly position: number; readonly name: string }[];
  /** The output that holds each save, in the order of `graph.saves`. */
  readonly outputs: readonly string[];
}

/** A step of the rewritten model: a node of the model (by its index) or one of the intervention graph's root. */
type Unit = number | Node;

/** A write that replaces a tensor: for all who read it, or for the nodes of one module. */
interface Override {
  readonly tensor: string;
  readonly value: Value;
  readonly node: Node;
  readonly scope: ReadonlySet<number> | null;
}

/**
 * Writes the interventions into the model's own graph. Only what the saves need is kept; steps stand in an order in
 * which each finds its inputs. Throws a TraceError on a cycle and on a write that nothing saved depends on.
 */
export function lower(model: OnnxModel, graph: InterventionGraph, locate: Locate): Lowered {
  return new Lowering(model, graph, locate).run();
}

class Lowering {
  private readonly model: OnnxModel;
  private readonly graph: InterventionGraph;
  private readonly locate: Locate;
  private readonly producers = new Map<string, number>();
  private readonly overrides: Override[] = [];
  private readonly initializers: Map<string, number>;
  private readonly values = new Map<Value, string>();
  private readonly operandPositions = new Map<Node, number>();
  private readonly usedInputs = new Set<string>();
  private readonly usedOperands: { position: number; name: string; node: Node }[] = [];
  private readonly writer: Writer;

  constructor(model: OnnxModel, graph: InterventionGraph, locate: Locate) {
    this.model = model;
    this.graph = graph;
    this.locate = locate;
    model.graph.node.forEach((node, index) => {
      for (const name of node.output) if (name !== '') this.producers.set(name, index);
    });
    this.initializers = new Map(model.graph.initializer.map(({ name }, index) => [name, index]));
    for (const node of graph.root.nodes) {
      if (node.op === 'operand') this.operandPositions.set(node, this.operandPositions.size);
      if (node.op === 'write') this.overrides.push(this.override(node));
    }
    // The innermost module's replacement is the one its nodes see.
    this.overrides.sort((a, b) => (a.scope?.size ?? Infinity) - (b.scope?.size ?? Infinity));
    this.writer = new Writer(model.opset, new Names(), this.values, (node, inputs, writer) =>
      this.call(node, inputs, writer),
    );
  }

  run(): Lowered {
    const order = this.order();
    this.checkWrites(new Set(order));
    for (const unit of order) this.emit(unit);
    const outputs = this.graph.saves.map(({ value }) => this.output(value));
    const proto = this.proto(outputs);
    return {
      bytes: toBinary(ModelProtoSchema, proto),
      inputs: [...this.usedInputs],
      operands: this.usedOperands.map(({ position, name }) => ({ position, name })),
      outputs,
    };
  }

  private override(node: Node): Override {
    const address = node.attributes as unknown as TapAddress & { inplace: boolean };
    const { tensor, nodes } = this.locate(address);
    const scope = address.port === 'input' && !address.inplace ? new Set(nodes) : null;
    return { tensor, value: node.inputs[0]!, node, scope };
  }

  /** What a reader of `tensor` gets: the value that was written for it, or undefined for the tensor itself. */
  private replacement(tensor: string, reader: number | null): Override | undefined {
    const found = this.overrides.filter((one) => one.tensor === tensor);
    // Of several writes for the same readers the last one counts: assignment comes after changes in place.
    const inner = found.findLast(
      (one) => one.scope !== null && reader !== null && one.scope.has(reader) && isInnermost(one, found, reader),
    );
    return inner ?? found.findLast((one) => one.scope === null);
  }

  private unitOfTensor(tensor: string): Unit | null {
    const producer = this.producers.get(tensor);
    return producer ?? null;
  }

  private unitOfValue(value: Value): Unit {
    return value.node!;
  }

  /** The steps that must come before a step. */
  private needs(unit: Unit): Unit[] {
    const needed: (Unit | null)[] = [];
    if (typeof unit === 'number') {
      for (const tensor of readsOf(this.model.graph.node[unit]!)) {
        const replaced = this.replacement(tensor, unit);
        needed.push(replaced ? this.unitOfValue(replaced.value) : this.unitOfTensor(tensor));
      }
    } else if (unit.op === 'read') {
      needed.push(this.unitOfTensor(this.locate(unit.attributes as unknown as TapAddress).tensor));
    } else {
      this.outerNeeds(unit, needed);
    }
    return needed.filter((one) => one !== null);
  }

  /** What a step and its bodies use of the root and of the model. */
  private outerNeeds(node: Node, needed: (Unit | null)[]): void {
    for (const value of node.inputs) if (this.isRoot(value)) needed.push(value.node);
    if (node.op === 'call') {
      for (const tensor of this.callParts(node).outside) {
        const replaced = this.replacement(tensor, null);
        needed.push(replaced ? this.unitOfValue(replaced.value) : this.unitOfTensor(tensor));
      }
    }
    for (const region of node.regions) {
      for (const inner of liveNodes(region)) this.outerNeeds(inner, needed);
      for (const value of region.results) if (this.isRoot(value)) needed.push(value.node);
    }
  }

  private readonly rootNodes = new Set<Node>();

  private isRoot(value: Value): boolean {
    if (this.rootNodes.size === 0) for (const node of this.graph.root.nodes) this.rootNodes.add(node);
    return value.node !== null && this.rootNodes.has(value.node);
  }

  /** The needed steps in an order in which each comes after those it needs. */
  private order(): Unit[] {
    const order: Unit[] = [];
    const done = new Set<Unit>();
    const open = new Set<Unit>();
    const stack: { unit: Unit; needs: Unit[]; next: number }[] = [];
    const enter = (unit: Unit) => {
      if (done.has(unit)) return;
      if (open.has(unit))
        this.reportCycle(
          stack.map((frame) => frame.unit),
          unit,
        );
      open.add(unit);
      stack.push({ unit, needs: this.needs(unit), next: 0 });
    };
    for (const { value } of this.graph.saves) {
      enter(this.unitOfValue(value));
      while (stack.length > 0) {
        const frame = stack.at(-1)!;
        if (frame.next < frame.needs.length) {
          enter(frame.needs[frame.next++]!);
          continue;
        }
        stack.pop();
        open.delete(frame.unit);
        done.add(frame.unit);
        order.push(frame.unit);
      }
    }
    return order;
  }

  private reportCycle(path: readonly Unit[], start: Unit): never {
    const cycle = path.slice(path.indexOf(start));
    const nodes = cycle.filter((unit) => typeof unit !== 'number');
    const reads = nodes.filter((node) => node.op === 'read');
    const write =
      this.overrides.find((one) => nodes.includes(one.value.node!) && reads.length > 0) ?? this.overrides[0]!;
    const target = write.node.attributes as unknown as TapAddress;
    const from = reads.map((node) => {
      const { path: module, port } = node.attributes as unknown as TapAddress;
      const site = readSite(node);
      return `${module || 'the model'}.${port}${site ? ` (read at ${formatSite(site)})` : ''}`;
    });
    throw new TraceError(
      `This is a cycle: ${target.path || 'the model'}.${target.port} is set to a value that depends on ${from.join(' and ') || 'itself'}, which is computed from it. A value can only be fed into modules that run after the one it comes from.`,
      write.node.site,
    );
  }

  private checkWrites(used: ReadonlySet<Unit>): void {
    for (const { value, node } of this.overrides) {
      if (used.has(this.unitOfValue(value))) continue;
      const { path, port } = node.attributes as unknown as TapAddress;
      throw new TraceError(
        `${path || 'the model'}.${port} is set, but nothing that is saved depends on it, so it can have no effect. Save something that comes after it, or take the line out.`,
        node.site,
      );
    }
  }

  private emit(unit: Unit): void {
    if (typeof unit === 'number') {
      this.writer.written.push(renameReads(this.model.graph.node[unit]!, (tensor) => this.nameFor(tensor, unit)));
    } else if (unit.op === 'read') {
      const { tensor } = this.locate(unit.attributes as unknown as TapAddress);
      this.values.set(unit.outputs[0]!, this.original(tensor));
    } else if (unit.op === 'operand') {
      const position = this.operandPositions.get(unit)!;
      const name = `onnsight/operand_${position}`;
      this.usedOperands.push({ position, name, node: unit });
      this.values.set(unit.outputs[0]!, name);
    } else {
      this.writer.write(unit);
    }
  }

  /** The name under which a node finds a tensor it reads. */
  private nameFor(tensor: string, reader: number | null): string {
    const replaced = this.replacement(tensor, reader);
    return replaced ? this.writer.name(replaced.value) : this.original(tensor);
  }

  private original(tensor: string): string {
    if (!this.producers.has(tensor) && !this.initializers.has(tensor)) this.usedInputs.add(tensor);
    return tensor;
  }

  /** The nodes of a module's call that lie between its inputs and outputs, and what they read from elsewhere. */
  private callParts(node: Node): {
    nodes: number[];
    outside: string[];
    inputs: readonly string[];
    outputs: readonly string[];
  } {
    const { nodes, inputs, outputs } = this.locate(node.attributes as unknown as TapAddress);
    const replaced = new Set(inputs.slice(0, node.inputs.length));
    const own = new Set(nodes);
    const taken = new Set<number>();
    const outside = new Set<string>();
    const pending = [...outputs];
    while (pending.length > 0) {
      const tensor = pending.pop()!;
      if (replaced.has(tensor)) continue;
      const producer = this.producers.get(tensor);
      if (producer === undefined || !own.has(producer)) {
        outside.add(tensor);
      } else if (!taken.has(producer)) {
        taken.add(producer);
        pending.push(...readsOf(this.model.graph.node[producer]!));
      }
    }
    return { nodes: [...taken].sort((a, b) => a - b), outside: [...outside], inputs, outputs };
  }

  /** Writes a module once more, over other inputs. */
  private call(node: Node, values: readonly string[], writer: Writer): readonly string[] {
    const { nodes, inputs, outputs } = this.callParts(node);
    const renamed = new Map<string, string>(values.map((value, i) => [inputs[i]!, value]));
    for (const index of nodes) {
      const copy: NodeProto = renameReads(
        this.model.graph.node[index]!,
        (tensor) => renamed.get(tensor) ?? this.nameFor(tensor, null),
      );
      const output = copy.output.map((tensor) => (tensor === '' ? '' : writer.names.fresh('call')));
      copy.output.forEach((tensor, i) => {
        renamed.set(tensor, output[i]!);
      });
      writer.written.push({ ...copy, name: writer.names.fresh('call'), output });
    }
    return outputs.map((tensor) => renamed.get(tensor) ?? this.nameFor(tensor, null));
  }

  /** The output that brings a value back. What no node makes cannot be an output itself. */
  private output(value: Value): string {
    const name = this.writer.name(value);
    const made = this.writer.written.some((node) => node.output.includes(name));
    if (made) return name;
    const copy = this.writer.node('Identity', [name]);
    this.values.set(value, copy);
    return copy;
  }

  private proto(outputs: readonly string[]): ModelProto {
    const { model } = this;
    const nodes = this.writer.written;
    const read = new Set(nodes.flatMap(readsOf));
    const known = new Map(model.graph.input.map((input) => [input.name, input]));
    const outputTypes = new Map(this.graph.saves.map(({ value }, i) => [outputs[i]!, value.type]));
    const initializer = [
      ...this.writer.names.constants,
      ...model.graph.initializer.filter(({ name }) => read.has(name)),
    ];
    const operands = this.usedOperands.map(({ name, node }) => {
      const { type } = node.outputs[0]!;
      return onnxValue(name, type.dtype, type.shape?.length ?? null);
    });
    const graph = create(GraphProtoSchema, {
      name: 'onnsight',
      node: nodes,
      initializer,
      input: [...[...this.usedInputs].map((name) => known.get(name)!), ...operands],
      output: [...outputTypes].map(([name, type]) => onnxValue(name, type.dtype)),
    });
    return create(ModelProtoSchema, {
      irVersion: model.proto.irVersion,
      opsetImport: model.proto.opsetImport,
      functions: model.proto.functions,
      producerName: 'onnsight',
      graph,
    });
  }
}

/** Whether no other write for the same node has a narrower scope. */
function isInnermost(one: Override, others: readonly Override[], reader: number): boolean {
  return others.every((other) => !other.scope?.has(reader) || other.scope.size >= one.scope!.size);
}
