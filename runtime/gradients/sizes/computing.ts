import { intAttribute, intsAttribute, stringAttribute, tensorAttribute } from '../../onnx/attributes.ts';
import type { NodeProto } from '../../onnx/proto.ts';
import type { Dim, Facts } from '../facts.ts';
import { axesOf, broadcast, positive } from './axes.ts';
import type { Infer, Sizes } from './rule.ts';

/* The sizes of what operators make that compute: element by element, of many to one, products, windows. */

export const like: Infer = ({ input, output }, facts) => output.map(() => facts.dims(input[0]!));

export const together: Infer = ({ input }, facts) => [
  broadcast(
    input.filter((name) => name !== '').map((name) => facts.dims(name)),
    facts,
  ),
];

/** As many dimensions as the first input has, of sizes that are not known. */
export const sameRank: Infer = ({ input, output }, facts) =>
  output.map(() => facts.dims(input[0]!)?.map(() => facts.symbol()) ?? null);

export const reduce: Infer = (node, facts) => {
  const dims = facts.dims(node.input[0]!);
  if (!dims) return [];
  const hasAxes = intsAttribute(node, 'axes') !== null || Boolean(node.input[1]);
  const given = axesOf(node, facts);
  const isKept = (intAttribute(node, 'keepdims') ?? 1) === 1;
  if (hasAxes && !given) return isKept ? [dims.map(() => facts.symbol())] : [];
  if (!given?.length && intAttribute(node, 'noop_with_empty_axes')) return [dims];
  const axes = new Set(given?.length ? positive(given, dims.length) : dims.keys());
  return [isKept ? dims.map((dim, i) => (axes.has(i) ? 1 : dim)) : dims.filter((_, i) => !axes.has(i))];
};

export const arg: Infer = (node, facts) => {
  const dims = facts.dims(node.input[0]!);
  if (!dims) return [];
  const [axis] = positive([intAttribute(node, 'axis') ?? 0], dims.length);
  const isKept = (intAttribute(node, 'keepdims') ?? 1) === 1;
  return [isKept ? dims.map((dim, i) => (i === axis ? 1 : dim)) : dims.filter((_, i) => i !== axis)];
};

export const matmul: Infer = (node, facts) => {
  const [a, b] = node.input.slice(0, 2).map((name) => facts.dims(name));
  if (!a || !b || a.length === 0 || b.length === 0) return [];
  const swap = (dims: Sizes, is: boolean) =>
    is && dims.length > 1 ? [...dims.slice(0, -2), dims.at(-1)!, dims.at(-2)!] : dims;
  const left = swap(a, intAttribute(node, 'transA') === 1);
  const right = swap(b, intAttribute(node, 'transB') === 1);
  const rows = left.length > 1 ? [left.at(-2)!] : [];
  const columns = right.length > 1 ? [right.at(-1)!] : [];
  return [[...broadcast([left.slice(0, -2), right.slice(0, -2)], facts)!, ...rows, ...columns]];
};

export const gemm: Infer = (node, facts) => {
  const [a, b] = node.input.map((name) => facts.dims(name));
  const rows = a?.[intAttribute(node, 'transA') ? 1 : 0] ?? facts.symbol();
  return [[rows, b?.[intAttribute(node, 'transB') ? 0 : 1] ?? facts.symbol()]];
};

/** A convolution or a pool: the batch, channels, and places of sizes that are not worked out. */
export const places =
  (channels: (node: NodeProto, facts: Facts, dims: Sizes) => Dim | undefined): Infer =>
  (node, facts) => {
    const dims = facts.dims(node.input[0]!);
    if (!dims) return [];
    const made = [dims[0]!, channels(node, facts, dims) ?? facts.symbol(), ...dims.slice(2).map(() => facts.symbol())];
    return node.output.map(() => made);
  };

export const globalPool: Infer = (node, facts) => {
  const dims = facts.dims(node.input[0]!);
  return dims ? [dims.map((dim, i) => (i < 2 ? dim : 1))] : [];
};

export const einsum: Infer = (node, facts) => {
  const equation = stringAttribute(node, 'equation')?.replaceAll(' ', '') ?? '';
  const [left, right] = equation.split('->');
  if (right === undefined || equation.includes('.')) return [];
  const sizes = new Map<string, Dim>();
  left!.split(',').forEach((term, k) => {
    const dims = facts.dims(node.input[k]!);
    [...term].forEach((letter, i) => {
      const dim = dims?.[i];
      if (dim !== undefined && (!sizes.has(letter) || sizes.get(letter) === 1)) sizes.set(letter, dim);
    });
  });
  return [[...right].map((letter) => sizes.get(letter) ?? facts.symbol())];
};

/** The sum that is normalised stands behind the statistics. */
export const skipNorm: Infer = ({ input }, facts) => {
  const dims = facts.dims(input[0]!);
  return [dims, null, null, dims];
};

/** As many dimensions as the queries have. */
export const attention: Infer = ({ input }, facts) => [facts.dims(input[0]!)?.map(() => facts.symbol()) ?? null];

/** Queries may come packed with keys and values, in more dimensions. */
export const ownAttention: Infer = (_, facts) => [[facts.symbol(), facts.symbol(), facts.symbol()]];

/** The outputs of all steps, then the last states. */
export const recurrent: Infer = (node, facts) => {
  const [steps, batch] = facts.dims(node.input[0]!) ?? [facts.symbol(), facts.symbol()];
  const hidden = intAttribute(node, 'hidden_size') ?? facts.symbol();
  const count = stringAttribute(node, 'direction') === 'bidirectional' ? 2 : 1;
  const state = [count, batch!, hidden];
  return [[steps!, ...state], state, state];
};

export const constant: Infer = (node) => {
  const tensor = tensorAttribute(node, 'value');
  if (tensor) return [tensor.dims.map(Number)];
  const list = intsAttribute(node, 'value_ints');
  const isScalar = node.attribute.some(({ name }) => name === 'value_int' || name === 'value_float');
  return isScalar ? [[]] : list ? [[list.length]] : [];
};
