import type { DType } from '../graph/types.ts';
import { elementType } from '../onnx/dtypes.ts';
import { makeTensor, makeValueInfo } from '../onnx/make.ts';
import type { ValueInfoProto } from '../onnx/proto.ts';
import type { Dim } from './facts.ts';
import { NodeEmitter } from './node-emitter.ts';

/** Writes the nodes of a derivative: arithmetic, and the moving of elements, by the sizes that are known. */
export class Emitter extends NodeEmitter {
  /** An emitter for a subgraph: it sees what this one has written so far. */
  child(): Emitter {
    const inner = new Emitter(this.facts.inner(), this.opset, this.order, this.names);
    inner.origin = this.origin;
    return inner;
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
