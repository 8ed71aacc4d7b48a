import { isPast } from '../inputs/convention.ts';
import { constantsIn } from '../onnx/constants.ts';
import { isStandard } from '../onnx/domains.ts';
import { dtypeName } from '../onnx/dtypes.ts';
import { calledFunctions } from '../onnx/functions.ts';
import {
  decodeModel,
  encodeModel,
  type FunctionProto,
  type GraphProto,
  type NodeProto,
  type TensorProto,
} from '../onnx/proto.ts';
import { subgraphsOf } from '../onnx/subgraphs.ts';
import { allocate, decode } from '../tensor/storage.ts';
import type { Device, SessionTensors } from './port.ts';

/** The elements of a constant; null if the tensor is not a constant, or is stored in another file. */
type Constant = (tensor: string) => readonly number[] | null;

const always = () => true;

/**
 * Operators that ONNX Runtime's WebGPU provider computes wrongly without an error, and for which nodes it does so. Operators
 * that are everywhere in a model and go wrong on NaN alone (Relu, Clip, Softmax, …) are not among them.
 */
const WRONG: Readonly<Record<string, (node: NodeProto, constant: Constant) => boolean>> = {
  // With a negative step it begins at the last element, wherever the slice begins.
  Slice: ({ input }, constant) => !!input[4] && !constant(input[4])?.every((step) => step > 0),
  // A dimension of size 1 is not broadcast, ellipses of unequal rank are refused, and nothing to sum over ends the process.
  Einsum: always,
  // The logarithm of 0 is -88.03, and that of a negative number a number too.
  Log: always,
  ReduceLogSum: always,
  ReduceLogSumExp: always,
  // A negative base with a fraction as exponent gives a number, and 0 with a negative one 0. Squares and cubes are right.
  Pow: ({ input }, constant) => !constant(input[1]!)?.every((power) => power >= 1 && Number.isInteger(power)),
  // Infinities are taken for padding, and tensors without rows end the process.
  TopK: always,
};

/** The prefix of the names of nodes that a block adds to the model. */
const ADDED = 'onnsight/at_';

/** The execution providers of a session: one, or WebGPU's with some nodes left to the CPU. */
export type Provider = Device | { readonly name: 'webgpu'; readonly forceCpuNodeNames: string[] };

/** A model, and the settings that ONNX Runtime runs it with. */
export interface WebGpuModel {
  readonly bytes: Uint8Array;
  readonly provider: Provider;
  /** The optimizers of ONNX Runtime that must not run. */
  readonly without: readonly string[];
}

/**
 * Finds the nodes that WebGPU would compute wrongly and gives them names. All operations of a block are
 * among them: they are small, and a user's computation has to be right for empty and infinite values, NaN and all dtypes.
 */
export function forWebGpu(bytes: Uint8Array): WebGpuModel {
  const model = decodeModel(bytes);
  // ONNX Runtime renames the nodes of functions.
  if (calledFunctions(model).some((called) => wrongNodes(called).length > 0))
    return { bytes, provider: 'cpu', without: [] };
  const graph = model.graph!;
  const wrong = wrongNodes(graph);
  const unnamed = wrong.filter(({ name }) => !/^[^\r\n]+$/.test(name));
  unnamed.forEach((found, i) => {
    found.name = `onnsight/cpu_${i}`;
  });
  // ONNX Runtime refuses an empty list.
  if (wrong.length === 0) return { bytes, provider: 'webgpu', without: [] };
  const outside = new Set(graph.node);
  const forceCpuNodeNames = wrong.map(({ name }) => name);
  return {
    bytes: unnamed.length > 0 ? encodeModel(model) : bytes,
    provider: { name: 'webgpu', forceCpuNodeNames },
    // It puts the branch of a condition that is always the same in the place of the If, and renames the nodes.
    without: wrong.every((found) => outside.has(found)) ? [] : ['ConstantFolding'],
  };
}

/**
 * Whether WebGPU must not be fed some tensors: its kernels fail on empty ones, and some (Softmax, MatMul) end the process.
 * A key-value cache is empty at the start of every text, and is then joined with the new entries.
 */
export function areForCpu(feeds: SessionTensors): boolean {
  return Object.entries(feeds).some(([name, { dims }]) => dims.includes(0) && !isPast(name));
}

/** The nodes that have to stay on the CPU, with those in subgraphs, which see the constants around them. */
function wrongNodes(
  scope: GraphProto | FunctionProto,
  outer: ReadonlyMap<string, TensorProto> = new Map(),
): NodeProto[] {
  const constants = new Map([...outer, ...constantsIn(scope)]);
  const constant = (name: string) => elements(constants.get(name));
  return scope.node.flatMap((node) => {
    const isWrong = node.name.startsWith(ADDED) || (isStandard(node) && WRONG[node.opType]?.(node, constant));
    const inner = subgraphsOf(node).flatMap((subgraph) => wrongNodes(subgraph, constants));
    return isWrong ? [node, ...inner] : inner;
  });
}

/** The elements of a constant that stands in the file of the graph. */
function elements(tensor: TensorProto | undefined): readonly number[] | null {
  const dtype = tensor ? dtypeName(tensor.dataType) : null;
  if (!tensor || dtype === null) return null;
  if (tensor.rawData.length === 0) {
    const typed = [...tensor.floatData, ...tensor.int64Data.map(Number)];
    return typed.length > 0 ? typed : null;
  }
  const size = tensor.dims.reduce((product, dim) => product * Number(dim), 1);
  const raw = allocate(dtype, size);
  new Uint8Array(raw.buffer).set(tensor.rawData);
  return Array.from(decode(raw, dtype) as ArrayLike<number | bigint>, Number);
}
