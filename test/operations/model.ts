import type { DType, TensorType } from '../../runtime/graph/types.ts';
import type { Emitter } from '../../runtime/lowering/emitter.ts';
import { elementType } from '../../runtime/onnx/dtypes.ts';
import {
  makeGraph,
  makeModel,
  makeNode,
  makeTensor,
  makeValueInfo,
  type OnnxAttribute,
} from '../../runtime/onnx/make.ts';
import { encodeModel, type NodeProto, type TensorProto } from '../../runtime/onnx/proto.ts';

/** Collects the nodes of one operation. Names count up, so equal lowerings give equal models. */
export class ModelEmitter implements Emitter {
  readonly opset: number;
  private readonly written: NodeProto[] = [];
  private readonly constants: TensorProto[] = [];

  constructor(opset: number) {
    this.opset = opset;
  }

  node(op: string, inputs: readonly string[], attributes: Readonly<Record<string, OnnxAttribute>> = {}): string {
    return this.nodes(op, inputs, 1, attributes)[0]!;
  }

  nodes(
    op: string,
    inputs: readonly string[],
    count: number,
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): string[] {
    const outputs = Array.from({ length: count }, (_, i) => `n${this.written.length}_${i}`);
    this.written.push(makeNode(op, inputs, outputs, attributes));
    return outputs;
  }

  checking(
    _: string,
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): string {
    return this.node(op, inputs, attributes);
  }

  detach(name: string): string {
    return this.node('Identity', [name]);
  }

  constant(dtype: DType, data: readonly number[], dims: readonly number[] = []): string {
    const name = `c${this.constants.length}`;
    this.constants.push(makeTensor(name, dtype, data, dims));
    return name;
  }

  cast(name: string, from: DType, to: DType): string {
    return from === to ? name : this.node('Cast', [name], { to: { int: elementType(to) } });
  }

  /** The model of what was written: inputs of any size, outputs `out0`, `out1`, … in the order of the results */
  model(
    inputs: readonly { name: string; dtype: DType; rank: number }[],
    results: readonly string[],
    types: readonly TensorType[],
  ): Uint8Array {
    const outputs = results.map((name, i) => makeNode('Identity', [name], [`out${i}`]));
    const graph = makeGraph(
      'operation',
      [...this.written, ...outputs],
      inputs.map(({ name, dtype, rank }) => makeValueInfo(name, dtype, Array(rank).fill(null))),
      types.map(({ dtype }, i) => makeValueInfo(`out${i}`, dtype)),
      this.constants,
    );
    return encodeModel(makeModel(graph, this.opset));
  }
}
