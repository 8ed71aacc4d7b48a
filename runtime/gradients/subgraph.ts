import { capturesOf } from '../onnx/captures.ts';
import { makeGraph, makeSequenceInfo, makeValueInfo } from '../onnx/make.ts';
import type { GraphProto, NodeProto, TensorProto, ValueInfoProto } from '../onnx/proto.ts';
import { renameAll, tensorNames } from '../onnx/rename.ts';
import { declaredDims } from './declared-dims.ts';
import type { Emitter } from './emitter.ts';
import type { Dims } from './facts.ts';
import { needed } from './needed.ts';

/** A copy of a graph, under names of its own. */
export interface Copy {
  readonly nodes: readonly NodeProto[];
  readonly outputs: readonly string[];
}

/** A graph that is being written as the subgraph of a node. It sees what was written around it. */
export class Subgraph {
  readonly emit: Emitter;
  private readonly inputs: ValueInfoProto[] = [];
  private readonly outputs: ValueInfoProto[] = [];
  private readonly weights: TensorProto[] = [];

  constructor(outer: Emitter) {
    this.emit = outer.child();
  }

  /** One more input. */
  input(type: number, dims: Dims): string {
    const name = this.emit.named('in', type, dims);
    this.enter(name);
    return name;
  }

  /** Makes a tensor that was only named so far the next input. */
  enter(tensor: string): void {
    this.inputs.push(this.declaration(tensor));
  }

  /** One more input, which takes a list of tensors. */
  sequence(elementType: number): string {
    const name = this.emit.fresh('in');
    this.inputs.push(makeSequenceInfo(name, elementType));
    return name;
  }

  /** Adds the nodes of a graph under fresh names, as ONNX lets no name mean two things. `inputs` take the places of its own. */
  copy(graph: GraphProto, inputs: readonly string[]): Copy {
    const captured = new Set(capturesOf(graph));
    const own = [...tensorNames(graph)].filter((name) => !captured.has(name));
    const names = new Map(own.map((name) => [name, this.emit.fresh('copy')]));
    graph.input.forEach(({ name }, i) => {
      names.set(name, inputs[i]!);
    });
    const renamed = renameAll(graph, (name) => names.get(name) ?? name);
    this.emit.facts.learnGraph({ ...renamed, node: [] });
    this.weights.push(...renamed.initializer);
    for (const node of renamed.node) this.emit.add(node);
    const { facts } = this.emit;
    for (const value of renamed.output) facts.setDims(value.name, facts.dims(value.name) ?? declaredDims(value, facts));
    return { nodes: renamed.node, outputs: renamed.output.map(({ name }) => name) };
  }

  /** Makes a tensor the next output. It may stand anywhere, as a node of its own hands it on. */
  output(tensor: string): void {
    this.outputs.push(this.declaration(this.emit.node('Identity', [tensor])));
  }

  /** Makes a list of tensors that a node here has made the next output. */
  outputSequence(list: string, elementType: number): void {
    this.outputs.push(makeSequenceInfo(list, elementType));
  }

  /** The tensors that the outputs need and no node here makes. */
  reads(): ReadonlySet<string> {
    return new Set(this.live().inputs);
  }

  /** The graph, with the nodes that its outputs need. */
  graph(): GraphProto {
    const { nodes, inputs } = this.live();
    const weights = this.weights.filter(({ name }) => inputs.includes(name));
    return makeGraph('derivative', nodes, this.inputs, this.outputs, weights);
  }

  /** A Scan wants to know at least how many dimensions there are. */
  private declaration(tensor: string): ValueInfoProto {
    const dims = this.emit.dims(tensor)?.map((dim) => (typeof dim === 'number' ? dim : null)) ?? null;
    return makeValueInfo(tensor, this.emit.facts.type(tensor), dims);
  }

  private live() {
    return needed(
      this.emit.nodes,
      this.outputs.map(({ name }) => name),
    );
  }
}
