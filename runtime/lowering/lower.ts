import { withGradientOperators } from '../gradients/operator-sets.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import type { Node, NodeOf, Value } from '../graph/types.ts';
import { readsOf } from '../onnx/captures.ts';
import { encodeWithOutputs } from '../onnx/kept-outputs.ts';
import { makeGraph, makeModelLike, makeValueInfo } from '../onnx/make.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { ModelProto, NodeProto, ValueInfoProto } from '../onnx/proto.ts';
import { isRandom } from '../onnx/randomness.ts';
import { renameReads } from '../onnx/rename.ts';
import type { Locate } from './address.ts';
import { Dependencies, type Vertex } from './dependencies.ts';
import type { Forward } from './forward.ts';
import { GradientLowering } from './gradients.ts';
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
  /** The model's weights in it. */
  readonly initializers: readonly string[];
  /** What stands in the place of the model's tensors that are written for all their readers. */
  readonly writes: readonly { readonly tensor: string; readonly name: string; readonly node: Node }[];
  /** Whether it may give other results when it runs again. */
  readonly random: boolean;
}

export interface LowerOptions {
  /** Tensors of the model that become inputs instead of being computed, with their declarations. */
  readonly provided?: ReadonlyMap<string, ValueInfoProto>;
  /** What an error names as the site of a node; else its line in the source. */
  readonly siteName?: (node: Node) => string;
  /** How often the body of a loop may run. */
  readonly maxIterations?: number | undefined;
}

/**
 * Writes the interventions into the model's own graph. Only what the saves need is kept; nodes stand in an order in
 * which each finds its inputs. Throws a TraceError on a cycle and on a write that nothing saved depends on.
 */
export function lower(model: OnnxModel, graph: InterventionGraph, locate: Locate, options: LowerOptions = {}): Lowered {
  return new Lowering(model, graph, locate, options).run();
}

class Lowering {
  private readonly model: OnnxModel;
  private readonly graph: InterventionGraph;
  private readonly dependencies: Dependencies;
  private readonly forward: Forward;
  private readonly values = new Map<Value, string>();
  private readonly operandPositions: ReadonlyMap<Node, number>;
  private readonly usedInputs = new Set<string>();
  private readonly usedOperands: { position: number; name: string; node: Node }[] = [];
  private readonly writer: Writer;
  private gradients: GradientLowering | null = null;
  private readonly provided: ReadonlyMap<string, ValueInfoProto>;

  constructor(
    model: OnnxModel,
    graph: InterventionGraph,
    locate: Locate,
    { provided = new Map(), siteName, maxIterations }: LowerOptions,
  ) {
    this.model = model;
    this.graph = graph;
    this.provided = provided;
    this.dependencies = new Dependencies(graph, [{ model, locate, provided: new Set(provided.keys()) }]);
    this.forward = this.dependencies.forwards[0]!;
    const operands = graph.root.nodes.filter(({ op }) => op === 'operand');
    this.operandPositions = new Map(operands.map((node, position) => [node, position]));
    this.writer = new Writer(
      model.opset,
      new Names(),
      this.values,
      {
        call: (node, inputs, writer) => this.call(node, inputs, writer),
        gradient: (node, writer) => this.gradient(node, writer),
      },
      siteName,
      maxIterations,
    );
  }

  run(): Lowered {
    const order = this.dependencies.order(this.graph.saves.map(({ value }) => value));
    this.dependencies.checkWrites(new Set(order));
    for (const vertex of order) this.emit(vertex);
    const made = new Set(this.writer.written.flatMap(({ output }) => output));
    const outputs = this.graph.saves.map(({ value }) => this.output(value, made));
    const proto = this.proto(outputs);
    const initializers = proto.graph!.initializer.map(({ name }) => name);
    return {
      bytes: encodeWithOutputs(proto),
      inputs: [...this.usedInputs],
      operands: this.usedOperands.map(({ position, name }) => ({ position, name })),
      outputs,
      writes: this.forward.overrides.all
        .filter(({ scope, value }) => scope === null && this.values.has(value))
        .map(({ tensor, value, node }) => ({ tensor, name: this.values.get(value)!, node })),
      initializers: initializers.filter((name) => this.model.initializers.has(name)),
      random: isRandom(proto),
    };
  }

  private emit(vertex: Vertex): void {
    if (typeof vertex === 'number') {
      this.writer.written.push(renameReads(this.model.graph.node[vertex]!, (tensor) => this.nameFor(tensor, vertex)));
    } else if (vertex.op === 'read') {
      this.values.set(vertex.outputs[0]!, this.original(this.forward.tensorOf(vertex)));
    } else if (vertex.op === 'operand') {
      const position = this.operandPositions.get(vertex)!;
      const name = `onnsight/operand_${position}`;
      this.usedOperands.push({ position, name, node: vertex });
      this.values.set(vertex.outputs[0]!, name);
    } else if (vertex.op === 'grad') {
      this.values.set(vertex.outputs[0]!, this.gradient(vertex, this.writer));
    } else if (vertex.op !== 'backward') {
      this.writer.write(vertex);
    }
  }

  private gradient(node: NodeOf<'grad'>, writer: Writer): string {
    this.gradients ??= new GradientLowering(this.model, this.dependencies, this.writer);
    return this.gradients.write(node, this.usedOperands, writer);
  }

  /** The name under which a node finds a tensor it reads. */
  private nameFor(tensor: string, reader: number | null): string {
    const replaced = this.forward.overrides.of(tensor, reader);
    return replaced ? this.writer.name(replaced.value) : this.original(tensor);
  }

  private original(tensor: string): string {
    const isOwn = this.forward.producer(tensor) !== undefined || this.model.initializers.has(tensor);
    if (this.provided.has(tensor) || !isOwn) this.usedInputs.add(tensor);
    return tensor;
  }

  /** Writes a module once more, over other inputs. */
  private call(node: NodeOf<'call'>, values: readonly string[], writer: Writer): readonly string[] {
    const { nodes, inputs, outputs } = this.forward.calledModule(node);
    const renamed = new Map<string, string>(values.map((value, i) => [inputs[i]!, value]));
    for (const index of nodes) {
      const copy: NodeProto = renameReads(
        this.model.plain.graph.node[index]!,
        (tensor) => renamed.get(tensor) ?? this.nameFor(tensor, null),
      );
      const output = copy.output.map((tensor) => (tensor === '' ? '' : writer.names.fresh('call')));
      copy.output.forEach((tensor, i) => {
        renamed.set(tensor, output[i]!);
      });
      writer.push([{ ...copy, name: writer.nodeName(), output }]);
    }
    return outputs.map((tensor) => renamed.get(tensor) ?? this.nameFor(tensor, null));
  }

  /** The output that brings a value back. What no node makes cannot be an output itself. */
  private output(value: Value, made: Set<string>): string {
    const name = this.writer.name(value);
    if (made.has(name)) return name;
    const copy = this.writer.node('Identity', [name]);
    made.add(copy);
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
      // Rules write constants for nodes that may turn out not to be needed.
      ...this.writer.names.constants.filter(({ name }) => read.has(name)),
      ...model.graph.initializer.filter(({ name }) => read.has(name) && !this.provided.has(name)),
    ];
    // What stands for a tensor of a branch that did not run has no dimensions of its own.
    const hasBranches = model !== model.plain;
    const operands = this.usedOperands.map(({ name, node }) => {
      const { dtype, shape } = node.outputs[0]!.type;
      // Sizes without names take ONNX Runtime a time that grows with the square of the nodes.
      const dims = shape?.map((_, axis) => `${name}.${axis}`) ?? null;
      return makeValueInfo(name, dtype, hasBranches ? null : dims);
    });
    const inputs = [...this.usedInputs].map((name) => this.provided.get(name) ?? known.get(name)!);
    const results = [...outputTypes].map(([name, type]) => makeValueInfo(name, type.dtype));
    const made = makeModelLike(
      model.proto,
      makeGraph('onnsight', nodes, [...inputs, ...operands], results, initializer),
    );
    return this.gradients ? withGradientOperators(made) : made;
  }
}
