import type { DType } from '../graph/types.ts';
import { elementType } from '../onnx/dtypes.ts';
import { type Attributes, makeNode, makeTensor, makeValueInfo } from '../onnx/make.ts';
import type { NodeProto, TensorProto, ValueInfoProto } from '../onnx/proto.ts';
import type { Dim, Dims, Facts } from './facts.ts';
import { withOrigin } from './origin.ts';

/** The next derivative after those that tensors of a graph belong to by their names. */
export function nextOrder(tensors: Iterable<string>): number {
  let last = 0;
  for (const name of tensors) last = Math.max(last, Number(/^onnsight\/d(\d+)\//.exec(name)?.[1] ?? 0));
  return last + 1;
}

/** How the nodes of a derivative are named, and the constants that they share. */
class Names {
  readonly constants: TensorProto[] = [];
  private readonly byContent = new Map<string, string>();
  /** Which derivative this is: that of a model without any is the first. */
  readonly order: number;
  private count = 0;

  constructor(order: number) {
    this.order = order;
  }

  fresh(stem: string): string {
    return `onnsight/d${this.order}/${stem}_${this.count++}`;
  }

  constant(dtype: DType, data: readonly number[], dims: readonly number[]): string {
    const key = `${dtype}[${dims}]${data.map((one) => (Object.is(one, -0) ? '-0' : one))}`;
    let name = this.byContent.get(key);
    if (name === undefined) {
      name = this.fresh('constant');
      this.byContent.set(key, name);
      this.constants.push(makeTensor(name, dtype, data, dims));
    }
    return name;
  }
}

/** Writes the nodes of a derivative, and keeps the facts that are known about their tensors. Tensors are names. */
export class Emitter {
  readonly nodes: NodeProto[] = [];
  readonly facts: Facts;
  /** The version of the default operator set. */
  readonly opset: number;
  /** The name of the node whose derivative is being written. */
  origin = '';
  private readonly names: Names;
  private readonly written = new Map<string, string>();

  /** @param order which derivative this is: names of two that stand in one graph must not be the same */
  constructor(facts: Facts, opset: number, order: number, names = new Names(order)) {
    this.facts = facts;
    this.opset = opset;
    this.names = names;
  }

  /** An emitter for a subgraph: it sees what this one has written so far. */
  child(): Emitter {
    const inner = new Emitter(this.facts.inner(), this.opset, this.order, this.names);
    inner.origin = this.origin;
    return inner;
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
  private once(op: string, inputs: readonly string[], attributes: Attributes = {}): string {
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

  cast(tensor: string, dtype: DType): string {
    if (this.facts.dtype(tensor) === dtype) return tensor;
    return this.node('Cast', [tensor], { to: { int: elementType(dtype) } });
  }

  neg(a: string): string {
    return this.node('Neg', [a]);
  }

  plus(a: string, b: string): string {
    return this.node('Add', [a, b]);
  }

  minus(a: string, b: string): string {
    return this.node('Sub', [a, b]);
  }

  times(a: string, b: string): string {
    return this.node('Mul', [a, b]);
  }

  over(a: string, b: string): string {
    return this.node('Div', [a, b]);
  }

  square(a: string): string {
    return this.times(a, a);
  }

  /** A tensor times a number. */
  scale(a: string, factor: number): string {
    return factor === 1 ? a : this.times(a, this.number(a, factor));
  }

  /** A tensor and a number. */
  shift(a: string, by: number): string {
    return by === 0 ? a : this.plus(a, this.number(a, by));
  }

  compare(op: 'Equal' | 'Greater' | 'GreaterOrEqual' | 'Less' | 'LessOrEqual', a: string, b: string | number): string {
    return this.node(op, [a, typeof b === 'number' ? this.number(a, b) : b]);
  }

  where(condition: string, a: string, b: string): string {
    return this.node('Where', [condition, a, b]);
  }

  /** The tensor where the condition holds, 0 elsewhere: never a product, as 0 times infinity is NaN. */
  masked(condition: string, a: string): string {
    return this.where(condition, a, this.number(a, 0));
  }

  /** Equal parts along an axis. */
  parts(tensor: string, count: number, axis: number): string[] {
    const counted = this.opset >= 18 ? { num_outputs: { int: count } } : {};
    return this.several('Split', [tensor], count, { axis: { int: axis }, ...counted });
  }

  /** Parts of some sizes along an axis. */
  split(tensor: string, sizes: readonly number[], axis: number): string[] {
    return this.several('Split', [tensor, this.ints(...sizes)], sizes.length, { axis: { int: axis } });
  }

  concat(tensors: readonly string[], axis: number): string {
    return tensors.length === 1 ? tensors[0]! : this.node('Concat', tensors, { axis: { int: axis } });
  }

  /** All sizes of a tensor, as a list. */
  shape(tensor: string): string {
    const dims = this.dims(tensor);
    return (dims && this.listed(dims)) ?? this.once('Shape', [tensor]);
  }

  /** The shape of a tensor as a constant, in which one size may be open; null where that does not tell it. */
  openShape(tensor: string): string | null {
    const sizes = this.dims(tensor)?.map((dim) => (typeof dim === 'number' ? dim : -1));
    if (!sizes || sizes.includes(0) || sizes.indexOf(-1) !== sizes.lastIndexOf(-1)) return null;
    return this.ints(...sizes);
  }

  /** Sizes as a list, made of numbers and of the sizes of inputs; null where these don't determine all of them. */
  private listed(dims: readonly Dim[]): string | null {
    if (dims.every((dim) => typeof dim === 'number')) return this.ints(...dims);
    const parts = dims.map((dim) => this.told(dim));
    return parts.every((part) => part !== null) ? this.once('Concat', parts, { axis: { int: 0 } }) : null;
  }

  /** A size as a list of one: a number, or told by an input; null where it is neither. */
  private told(dim: Dim): string | null {
    if (typeof dim === 'number') return this.ints(dim);
    const source = this.facts.source(dim);
    return source ? this.once('Gather', [this.once('Shape', [source.tensor]), this.ints(source.axis)]) : null;
  }

  /** Some of the sizes of a tensor, as a list; `end` is left out for all from `start` on. */
  sizes(tensor: string, start: number, end?: number): string {
    const dims = this.dims(tensor)?.slice(start, end);
    const sliced = () => this.node('Slice', [this.shape(tensor), this.ints(start), this.ints(end ?? 2 ** 31)]);
    return (dims && this.listed(dims)) ?? sliced();
  }

  /** The size of one dimension, as a list of one. */
  size(tensor: string, axis: number): string {
    const dim = this.dims(tensor)?.at(axis);
    const told = dim === undefined ? null : this.told(dim);
    return told ?? this.node('Gather', [this.shape(tensor), this.ints(axis)]);
  }

  /** Lists one behind the other. */
  join(...lists: readonly string[]): string {
    return this.concat(lists, 0);
  }

  reshape(tensor: string, shape: string): string {
    return this.node('Reshape', [tensor, shape], { allowzero: { int: 1 } });
  }

  /** A reshape in which one size may be -1, and a 0 stands for the size that is there. */
  flow(tensor: string, ...shape: readonly number[]): string {
    return this.node('Reshape', [tensor, this.ints(...shape)]);
  }

  reshapeLike(tensor: string, like: string): string {
    const open = this.openShape(like);
    const made = open === null ? this.reshape(tensor, this.shape(like)) : this.node('Reshape', [tensor, open]);
    return this.sized(made, like);
  }

  transpose(tensor: string, perm: readonly number[]): string {
    if (perm.every((axis, i) => axis === i)) return tensor;
    return this.node('Transpose', [tensor], { perm: { ints: perm } });
  }

  unsqueeze(tensor: string, ...axes: readonly number[]): string {
    return axes.length === 0 ? tensor : this.node('Unsqueeze', [tensor, this.ints(...axes)]);
  }

  expandLike(tensor: string, like: string): string {
    return this.sized(this.node('Expand', [tensor, this.shape(like)]), like);
  }

  /** A reduction over some axes, or over all. */
  reduce(op: string, tensor: string, axes: readonly number[] | null, isKept = true): string {
    const keepdims = { int: isKept ? 1 : 0 };
    if (axes === null) return this.node(op, [tensor], { keepdims });
    if (op === 'ReduceSum' || this.opset >= 18) return this.node(op, [tensor, this.ints(...axes)], { keepdims });
    return this.node(op, [tensor], { axes: { ints: axes }, keepdims });
  }

  sum(tensor: string, axes: readonly number[] | null, isKept = true): string {
    return axes?.length === 0 ? tensor : this.reduce('ReduceSum', tensor, axes, isKept);
  }

  mean(tensor: string, axes: readonly number[] | null, isKept = true): string {
    return axes?.length === 0 ? tensor : this.reduce('ReduceMean', tensor, axes, isKept);
  }

  /** Zeros of a shape that a tensor holds. */
  zeros(shape: string, dtype: DType): string {
    return this.node('ConstantOfShape', [shape], { value: { tensor: makeTensor('', dtype, [0], [1]) } });
  }

  zerosLike(tensor: string): string {
    return this.sized(this.zeros(this.shape(tensor), this.dtype(tensor)), tensor);
  }

  /** The declaration of a tensor as an input or an output: of its type, with a free shape. */
  declare(tensor: string): ValueInfoProto {
    return makeValueInfo(tensor, this.facts.type(tensor));
  }
}
