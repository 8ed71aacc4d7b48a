import type { DType } from '../graph/types.ts';
import { elementType } from '../onnx/dtypes.ts';
import { type Attributes, makeNode } from '../onnx/make.ts';
import type { NodeProto, TensorProto } from '../onnx/proto.ts';
import type { Dims, Facts } from './facts.ts';
import { Names } from './names.ts';
import { withOrigin } from './origin.ts';

/** Adds nodes and constants to a derivative, and keeps the facts that are known about their tensors. Tensors are names. */
export class NodeEmitter {
  readonly nodes: NodeProto[] = [];
  readonly facts: Facts;
  /** The version of the default operator set. */
  readonly opset: number;
  /** The name of the node whose derivative is being written. */
  origin = '';
  protected readonly names: Names;
  private readonly written = new Map<string, string>();

  /** @param order which derivative this is: names of two that stand in one graph must not be the same */
  constructor(facts: Facts, opset: number, order: number, names = new Names(order)) {
    this.facts = facts;
    this.opset = opset;
    this.names = names;
  }

  /** Which derivative this is: 1 for that of a model, 2 for the derivative of that. */
  get order(): number {
    return this.names.order;
  }

  /** The constants that all emitters of one derivative have made. */
  get constants(): readonly TensorProto[] {
    return this.names.constants;
  }

  fresh(stem: string): string {
    return this.names.fresh(stem);
  }

  /** A name for a tensor that a node will make. */
  named(stem: string, type: number, dims: Dims = null): string {
    const name = this.fresh(stem);
    this.facts.set(name, type, dims);
    return name;
  }

  /** Adds a node that is there already. */
  add(node: NodeProto): void {
    this.nodes.push(node);
    this.facts.learn(node);
  }

  /** Adds a node of the derivative whose outputs are known. */
  place(node: NodeProto): void {
    this.nodes.push(withOrigin(node, this.origin));
  }

  /** Adds a node and gives its first output. An empty name leaves an optional input out. */
  node(op: string, inputs: readonly string[], attributes: Attributes = {}, domain = ''): string {
    return this.several(op, inputs, 1, attributes, domain)[0]!;
  }

  /** The same for a node with several outputs. */
  several(op: string, inputs: readonly string[], count: number, attributes: Attributes = {}, domain = ''): string[] {
    const outputs = Array.from({ length: count }, () => this.fresh(op));
    this.add(withOrigin({ ...makeNode(op, inputs, outputs, attributes), domain }, this.origin));
    return outputs;
  }

  /** The same for a node that is written once for all that need it. */
  protected once(op: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const key = [op, ...inputs].join('\n');
    const known = this.written.get(key) ?? this.node(op, inputs, attributes);
    this.written.set(key, known);
    return known;
  }

  /** Adds a node like another one on other inputs, without some attributes, and gives its outputs. */
  like(node: NodeProto, inputs: readonly string[], count = 1, without: readonly string[] = []): string[] {
    const outputs = Array.from({ length: count }, () => this.fresh(node.opType));
    const attribute = node.attribute.filter(({ name }) => !without.includes(name));
    this.add(withOrigin({ ...makeNode(node.opType, inputs, outputs), attribute, domain: node.domain }, this.origin));
    return outputs;
  }

  constant(dtype: DType, data: readonly number[], dims: readonly number[] = [data.length]): string {
    const name = this.names.constant(dtype, data, dims);
    this.facts.set(name, elementType(dtype), dims, dims.length < 2 ? data : null);
    return name;
  }

  /** A weight with the bytes of another tensor, read as elements of a type, of which there may be many more. */
  weight(bytes: TensorProto, type: number, dims: readonly number[]): string {
    const name = this.named('weight', type, dims);
    this.names.constants.push({ ...bytes, name, dataType: type, dims: dims.map(BigInt) });
    return name;
  }

  /** Whole numbers (int64) as a list: a shape, axes. */
  ints(...values: readonly number[]): string {
    return this.constant('int64', values);
  }

  /** One whole number (int64) without dimensions. */
  int(value: number): string {
    return this.constant('int64', [value], []);
  }

  /** A number of the dtype of a tensor, without dimensions. */
  number(like: string, value: number): string {
    return this.constant(this.dtype(like), [value], []);
  }

  /** The dtype of a tensor whose dtype is known, as that of every float tensor is. */
  dtype(tensor: string): DType {
    const dtype = this.facts.dtype(tensor);
    if (!dtype) throw new Error(`The element type of ${tensor} is not known.`);
    return dtype;
  }

  dims(tensor: string): Dims {
    return this.facts.dims(tensor);
  }

  /** Null where it is not known. */
  rank(tensor: string): number | null {
    return this.dims(tensor)?.length ?? null;
  }

  /** Says that a tensor has the sizes of another one, and gives it. */
  sized(tensor: string, like: string): string {
    this.facts.setDims(tensor, this.dims(like));
    return tensor;
  }
}
