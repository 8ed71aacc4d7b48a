import { compute } from '../eager/compute.ts';
import { TraceError } from '../errors.ts';
import type { AttributesOf, PlainOp, TensorOp } from '../graph/ops.ts';
import type { Dim, DType, Shape, TensorType } from '../graph/types.ts';
import { isOfParameters, noteOfParameters } from '../tensor/of-parameters.ts';
import { type AnyTensor, Tensor } from '../tensor/tensor.ts';
import { apply, applyMany, copy, inOrder, operandType, shapeOperand, toData, toProxy } from '../tracing/apply.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { callerSite } from '../tracing/caller.ts';
import { inner } from '../tracing/hidden.ts';
import { copiesOnReshape } from '../tracing/layout.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import type { SavedProxy } from '../tracing/saves.ts';
import type { Operand, Saved, Traced } from '../types/tensor.ts';

/*
 * The only place where proxies get their public type. To a user a proxy is a number, which no class can be; so all
 * functions are written with the public types, and their docstrings and signatures are what the user sees.
 *
 * It is also the only place that tells whether the functions record or compute: in a block each node becomes one of the
 * graph, outside of blocks tensors take the place of proxies, and each node is computed when it is asked for.
 */

/** A proxy with its public type. */
export function asTraced(proxy: TensorProxy): Traced {
  return proxy as unknown as Traced;
}

/** A saved proxy with its public type. */
export function asSaved(proxy: SavedProxy): Saved {
  return asTraced(proxy) as Saved;
}

/** The proxy behind the public type. */
export function asProxy(value: Traced): TensorProxy {
  return value as unknown as TensorProxy;
}

function asResult(tensor: AnyTensor): Traced {
  return tensor as AnyTensor & Traced;
}

function asTensor(value: Traced): AnyTensor {
  return value as AnyTensor & Traced;
}

/** Adds an operation of the intervention graph, or computes it. */
export function node(op: PlainOp, inputs: readonly Traced[]): Traced;
export function node<O extends TensorOp>(op: O, inputs: readonly Traced[], attributes: AttributesOf<O>): Traced;
export function node<O extends TensorOp>(op: O, inputs: readonly Traced[], attributes = {} as AttributesOf<O>): Traced {
  return activeBuilder() ? asTraced(apply(op, inputs.map(asProxy), attributes)) : computed(op, inputs, attributes)[0]!;
}

/** Adds an operation that has several results. */
export function nodes<O extends TensorOp>(op: O, inputs: readonly Traced[], attributes: AttributesOf<O>): Traced[] {
  return activeBuilder()
    ? applyMany(op, inputs.map(asProxy), attributes).map(asTraced)
    : computed(op, inputs, attributes);
}

function computed<O extends TensorOp>(op: O, inputs: readonly Traced[], attributes: AttributesOf<O>): Traced[] {
  const tensors = inputs.map(asTensor);
  const results = compute(op, tensors, inputs.map(typeOf), attributes, callerSite).map(asResult);
  if (op !== 'detach' && tensors.some(isOfParameters)) for (const one of results) noteOfParameters(asTensor(one));
  return results;
}

/** An operand of the user as a tensor. `dtype` is for numbers and arrays; tensors keep theirs. */
export function operand(value: Operand, dtype?: DType): Traced {
  return activeBuilder() ? asTraced(toProxy(value, dtype)) : asResult(toData(value, dtype, callerSite));
}

/** A tensor that a function has made of numbers: nobody else has it. */
export function created(tensor: AnyTensor): Traced {
  return activeBuilder() ? asTraced(copy(toProxy(tensor))) : asResult(tensor);
}

/** A tensor whose elements lie in the order of its dimensions: itself, or a copy. */
export function inOrderOfDims(value: Traced): Traced {
  return activeBuilder() ? asTraced(inOrder(asProxy(value))) : value;
}

/** Whether PyTorch has to copy a tensor of the block to show it with the sizes of another one. */
export function isCopiedTo(value: Traced, other: Traced): boolean {
  return activeBuilder() !== null && copiesOnReshape(asProxy(value)[inner], typeOf(other).shape) === true;
}

/** Whether a value is a tensor of the block, or outside of blocks one that has its elements. */
export function isTraced(value: unknown): value is Traced {
  return value instanceof TensorProxy || (value instanceof Tensor && !activeBuilder());
}

/** int64 of one dimension, out of numbers and traced scalars. */
export function shapeOf(sizes: readonly number[]): Traced {
  return activeBuilder()
    ? asTraced(shapeOperand(sizes as readonly (number | TensorProxy)[]))
    : asResult(Tensor.from(sizes.map(Number), 'int64', [sizes.length]));
}

export function typeOf(value: Traced): TensorType {
  return activeBuilder() ? asProxy(value)[inner].type : operandType(asTensor(value));
}

export function dtypeOf(value: Traced): DType {
  return typeOf(value).dtype;
}

/** An error at the user's line. */
export function fail(message: string): never {
  throw new TraceError(message, activeBuilder()?.site ?? callerSite());
}

/** The dimensions as far as they are known; without even their number, `what` cannot be built. */
export function knownShape(value: Traced, what: string): readonly Dim[] {
  const shape: Shape = typeOf(value).shape;
  return shape ?? fail(`${what}: how many dimensions the tensor has is known only when the model runs`);
}

/** A dimension counted from the front; out of range is an error in PyTorch's words. */
export function wrapDim(dim: number, rank: number): number {
  const range = Math.max(rank, 1);
  if (!Number.isInteger(dim) || dim < -range || dim >= range) {
    fail(`Dimension out of range (expected to be in range of [${-range}, ${range - 1}], but got ${dim})`);
  }
  return dim < 0 ? dim + range : dim;
}

/** The sizes of all dimensions; one that only the run will tell is a traced number. */
export function sizesOf(value: Traced, what: string): number[] {
  const shape = knownShape(value, what);
  if (!shape.includes(null)) return shape.map(Number);
  const whole = node('shape', [value]);
  return shape.map(
    (size, dim) => size ?? node('getitem', [whole, operand(dim, 'int64')], { items: [{ kind: 'int' }] }),
  );
}

/** Sizes given one by one or as an array. */
export function listOf(sizes: readonly number[] | readonly [readonly number[]]): readonly number[] {
  const list = sizes.findIndex(Array.isArray);
  if (list < 0) return sizes as readonly number[];
  if (sizes.length > 1) fail('sizes are given one by one or as one array, not both');
  return sizes[0] as readonly number[];
}
