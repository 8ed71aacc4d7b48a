import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, type NodeProto, type TensorProto } from 'onnx-buf';
import type { DType, TensorType } from '../../runtime/graph/types.ts';
import type { Emitter, OnnxAttribute } from '../../runtime/lowering/emitter.ts';
import { elementType } from '../../runtime/onnx/dtypes.ts';
import { onnxGraph, onnxNode, onnxTensor, onnxValue } from '../../runtime/onnx/messages.ts';

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
    this.written.push(onnxNode(op, inputs, outputs, attributes));
    return outputs;
  }

  constant(dtype: DType, data: readonly number[], dims: readonly number[] = []): string {
    const name = `c${this.constants.length}`;
    this.constants.push(onnxTensor(name, dtype, data, dims));
    return name;
  }

  cast(name: string, from: DType, to: DType): string {
    return from === to ? name : this.node('Cast', [name], { to: { int: elementType(to) } });
  }

  /** The model of what was written: inputs of any size, outputs `out0`, `out1`, … */
  model(
    inputs: readonly { name: string; dtype: DType; rank: number }[],
    results: readonly string[],
    types: readonly TensorType[],
  ): Uint8Array {
    const outputs = results.map((name, i) => onnxNode('Identity', [name], [`out${i}`]));
    const graph = onnxGraph(
      'operation',
      [...this.written, ...outputs],
      inputs.map(({ name, dtype, rank }) => onnxValue(name, dtype, rank)),
      types.map(({ dtype }, i) => onnxValue(`out${i}`, dtype)),
    );
    graph.initializer.push(...this.constants);
    const model = create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ domain: '', version: BigInt(this.opset) }],
      graph,
    });
    return toBinary(ModelProtoSchema, model);
  }
}
