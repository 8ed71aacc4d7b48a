import type { DType } from '../../../runtime/graph/types.ts';
import { type Attributes, makeNode, makeTensor } from '../../../runtime/onnx/make.ts';
import type { NodeProto } from '../../../runtime/onnx/proto.ts';

/** Collects nodes under the names that PyTorch's TorchScript exporter gives them. */
export class Exporter {
  readonly nodes: NodeProto[] = [];
  private readonly counts = new Map<string, number>();

  /** The node that was written last, whose output may get a name that the user chose. */
  get lastNode(): NodeProto {
    return this.nodes.at(-1)!;
  }

  /** A module, named by its path in the exporter's way: `/transformer/h.0/attn`. */
  scope(path: string): Scope {
    return new Scope(this, path);
  }

  /** A node that belongs to no module, as the axes of a size that becomes a dimension again. */
  looseConstant(reader: string, data: readonly number[]): string {
    const output = `onnx::${reader}_${this.nodes.length}`;
    this.nodes.push(constantNode(`Constant_${this.nodes.length}`, output, 'int64', data, [data.length]));
    return output;
  }

  /** The name that the next node of an operator in a module gets: the first has no number. */
  next(scope: string, op: string): string {
    const name = `${scope}/${op}`;
    const count = this.counts.get(name) ?? 0;
    this.counts.set(name, count + 1);
    return count === 0 ? name : `${name}_${count}`;
  }
}

/** Writes the nodes of one module. */
export class Scope {
  readonly path: string;
  private readonly exporter: Exporter;

  constructor(exporter: Exporter, path: string) {
    this.exporter = exporter;
    this.path = path;
  }

  get lastNode(): NodeProto {
    return this.exporter.lastNode;
  }

  child(name: string): Scope {
    return this.exporter.scope(`${this.path}/${name}`);
  }

  op(op: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.ops(op, inputs, 1, attributes)[0]!;
  }

  ops(op: string, inputs: readonly string[], count: number, attributes: Attributes = {}): string[] {
    const name = this.exporter.next(this.path, op);
    const outputs = Array.from({ length: count }, (_, i) => `${name}_output_${i}`);
    this.exporter.nodes.push(makeNode(op, inputs, outputs, attributes, name));
    return outputs;
  }

  /** A constant in a node of its own; a number is a scalar. */
  constant(value: number | readonly number[], dtype: DType = 'int64'): string {
    const [data, dims] = typeof value === 'number' ? [[value], []] : [value, [value.length]];
    const name = this.exporter.next(this.path, 'Constant');
    this.exporter.nodes.push(constantNode(name, `${name}_output_0`, dtype, data, dims));
    return `${name}_output_0`;
  }

  /** An int64 tensor full of ones. */
  ones(shape: string): string {
    return this.op('ConstantOfShape', [shape], { value: { tensor: makeTensor('', 'int64', [1], [1]) } });
  }

  /** A dimension of a tensor, as an int64 scalar. */
  size(tensor: string, dim: number): string {
    const shape = this.op('Shape', [tensor]);
    return this.op('Gather', [shape, this.constant(dim)], { axis: { int: 0 } });
  }

  /** The last dimension of a tensor. */
  lastSize(tensor: string): string {
    const shape = this.op('Shape', [tensor]);
    const start = this.constant([0]);
    const parts = [this.constant([-1]), this.constant([Number.MAX_SAFE_INTEGER]), start];
    return this.op('Squeeze', [this.op('Slice', [shape, ...parts]), this.constant([0])]);
  }

  /** A scalar as a list of one element. */
  listed(scalar: string): string {
    return this.op('Unsqueeze', [scalar, this.exporter.looseConstant('Unsqueeze', [0])]);
  }

  unsqueeze(tensor: string, ...axes: readonly number[]): string {
    return axes.reduce((result, axis) => this.op('Unsqueeze', [result, this.constant([axis])]), tensor);
  }

  concat(...parts: readonly string[]): string {
    return this.op('Concat', parts, { axis: { int: 0 } });
  }

  reshape(tensor: string, shape: string): string {
    return this.op('Reshape', [tensor, shape], { allowzero: { int: 0 } });
  }

  transpose(tensor: string, ...perm: readonly number[]): string {
    return this.op('Transpose', [tensor], { perm: { ints: perm } });
  }

  cast(tensor: string, to: number): string {
    return this.op('Cast', [tensor], { to: { int: to } });
  }
}

function constantNode(
  name: string,
  output: string,
  dtype: DType,
  data: readonly number[],
  dims: readonly number[],
): NodeProto {
  return makeNode('Constant', [], [output], { value: { tensor: makeTensor('', dtype, data, dims) } }, name);
}
