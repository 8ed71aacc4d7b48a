import { intAttribute, intsAttribute, stringAttribute, tensorAttribute } from '../onnx/attributes.ts';
import type { NodeProto } from '../onnx/proto.ts';
import { smallNumbers } from '../onnx/small-numbers.ts';
import type { Dim, Dims, Facts } from './facts.ts';
import { ifDims, loopDims, scanDims } from './subgraph-dims.ts';

type Sizes = readonly Dim[];
type Infer = (node: NodeProto, facts: Facts) => readonly Dims[];

/** The sizes of what a node makes; null where they are not known. They only have to be known where a rule profits from it. */
export function inferDims(node: NodeProto, facts: Facts): readonly Dims[] {
  return INFER.get(node.opType)?.(node, facts) ?? [];
}

/** The elements of the small tensor of integers that a node makes of sizes and constants; null where there is none. */
export function inferValue(node: NodeProto, facts: Facts): Sizes | null {
  const value = (i: number) => facts.value(node.input[i] ?? '');
  switch (node.opType) {
    case 'Constant':
      return constantNumbers(node);
    case 'Shape':
      return sizesTaken(node, facts);
    case 'Identity':
    case 'Cast':
    case 'Unsqueeze':
    case 'Squeeze':
    case 'Reshape':
      return value(0);
    case 'Gather': {
      const [from, indices] = [value(0), facts.numbers(node.input[1] ?? '')];
      const taken = from && indices?.map((index) => from.at(index));
      return taken?.every((one) => one !== undefined) ? (taken as Sizes) : null;
    }
    case 'Slice': {
      const [start] = facts.numbers(node.input[1] ?? '') ?? [];
      const [end] = facts.numbers(node.input[2] ?? '') ?? [];
      const [step] = node.input[4] ? (facts.numbers(node.input[4]) ?? []) : [1];
      return step === 1 && start !== undefined && end !== undefined ? (value(0)?.slice(start, end) ?? null) : null;
    }
    case 'Concat': {
      const parts = node.input.map((_, i) => value(i));
      return parts.every((part) => part !== null) ? parts.flatMap((part) => part!) : null;
    }
    default:
      return null;
  }
}

/** The sizes that a Shape tells, of all dimensions or of some. */
function sizesTaken(node: NodeProto, facts: Facts): Sizes | null {
  const dims = facts.dims(node.input[0]!);
  return dims?.slice(intAttribute(node, 'start') ?? 0, intAttribute(node, 'end') ?? undefined) ?? null;
}

function constantNumbers(node: NodeProto): readonly number[] | null {
  const value = tensorAttribute(node, 'value');
  if (value) return smallNumbers(value);
  const one = intAttribute(node, 'value_int');
  return one === null ? intsAttribute(node, 'value_ints') : [one];
}

/** The sizes that tensors of these sizes have together, as NumPy broadcasts them. */
export function broadcast(all: readonly Dims[], facts: Facts): Dims {
  if (all.some((dims) => dims === null)) return null;
  const rank = Math.max(0, ...all.map((dims) => dims!.length));
  return Array.from({ length: rank }, (_, i) => {
    const sizes = new Set(all.map((dims) => dims![i - rank + dims!.length] ?? 1));
    sizes.delete(1);
    if (sizes.size === 0) return 1;
    const numbers = [...sizes].filter((size) => typeof size === 'number');
    // A number above 1 is the result, whatever the others are.
    if (numbers.length > 0) return numbers[0]!;
    return sizes.size === 1 ? [...sizes][0]! : facts.symbol();
  });
}

/** Axes as numbers from 0 on. */
export function positive(axes: readonly number[], rank: number): readonly number[] {
  return axes.map((axis) => (axis < 0 ? axis + rank : axis));
}

/** The axes of a reduction, a Squeeze or an Unsqueeze: an attribute in older operator sets, an input since. */
export function axesOf(node: NodeProto, facts: Facts): readonly number[] | null {
  return intsAttribute(node, 'axes') ?? (node.input[1] ? facts.numbers(node.input[1]) : null);
}

const like: Infer = ({ input, output }, facts) => output.map(() => facts.dims(input[0]!));
const together: Infer = ({ input }, facts) => [
  broadcast(
    input.filter((name) => name !== '').map((name) => facts.dims(name)),
    facts,
  ),
];

/** As many dimensions as the first input has, of sizes that are not known. */
const sameRank: Infer = ({ input, output }, facts) =>
  output.map(() => facts.dims(input[0]!)?.map(() => facts.symbol()) ?? null);

const reduce: Infer = (node, facts) => {
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

const arg: Infer = (node, facts) => {
  const dims = facts.dims(node.input[0]!);
  if (!dims) return [];
  const [axis] = positive([intAttribute(node, 'axis') ?? 0], dims.length);
  const isKept = (intAttribute(node, 'keepdims') ?? 1) === 1;
  return [isKept ? dims.map((dim, i) => (i === axis ? 1 : dim)) : dims.filter((_, i) => i !== axis)];
};

const matmul: Infer = (node, facts) => {
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

const gemm: Infer = (node, facts) => {
  const [a, b] = node.input.map((name) => facts.dims(name));
  const rows = a?.[intAttribute(node, 'transA') ? 1 : 0] ?? facts.symbol();
  return [[rows, b?.[intAttribute(node, 'transB') ? 0 : 1] ?? facts.symbol()]];
};

const reshape: Infer = (node, facts) => {
  const from = facts.dims(node.input[0]!);
  const shape = facts.value(node.input[1]!);
  if (!shape) {
    const length = facts.dims(node.input[1]!)?.[0];
    return typeof length === 'number' ? [Array.from({ length }, () => facts.symbol())] : [];
  }
  const isZeroKept = intAttribute(node, 'allowzero') !== 1;
  const dims = shape.map((size, i) => (size === 0 && isZeroKept ? (from?.[i] ?? facts.symbol()) : size));
  const open = dims.indexOf(-1);
  if (open >= 0) dims[open] = restOf(from, dims) ?? facts.symbol();
  return [dims];
};

/** What stands for the -1 of a shape, where all else cancels out. */
function restOf(from: Dims, dims: Sizes): Dim | null {
  if (!from) return null;
  const left = [...from];
  for (const dim of dims) {
    if (dim === -1 || dim === 1) continue;
    const at = left.indexOf(dim);
    if (at < 0) return numericRest(from, dims);
    left.splice(at, 1);
  }
  const open = left.filter((dim) => dim !== 1);
  if (open.length === 0) return 1;
  return open.length === 1 ? open[0]! : numericRest(from, dims);
}

function numericRest(from: Sizes, dims: Sizes): Dim | null {
  const given = dims.filter((dim) => dim !== -1);
  if (![...from, ...given].every((dim) => typeof dim === 'number')) return null;
  const product = (sizes: Sizes) => (sizes as readonly number[]).reduce((a, b) => a * b, 1);
  return product(given) === 0 ? null : product(from) / product(given);
}

const gather: Infer = (node, facts) => {
  const [data, indices] = node.input.map((name) => facts.dims(name));
  if (!data || !indices) return [];
  const [axis] = positive([intAttribute(node, 'axis') ?? 0], data.length);
  return [[...data.slice(0, axis), ...indices, ...data.slice(axis! + 1)]];
};

const gatherNd: Infer = (node, facts) => {
  const [data, indices] = node.input.map((name) => facts.dims(name));
  const last = indices?.at(-1);
  const batch = intAttribute(node, 'batch_dims') ?? 0;
  return data && indices && typeof last === 'number' ? [[...indices.slice(0, -1), ...data.slice(batch + last)]] : [];
};

const transpose: Infer = (node, facts) => {
  const dims = facts.dims(node.input[0]!);
  if (!dims) return [];
  const perm = intsAttribute(node, 'perm') ?? [...dims.keys()].reverse();
  return [perm.map((axis) => dims[axis]!)];
};

const unsqueeze: Infer = (node, facts) => {
  const dims = facts.dims(node.input[0]!);
  const axes = axesOf(node, facts);
  if (!dims || !axes) return [];
  const rank = dims.length + axes.length;
  const ones = new Set(positive(axes, rank));
  const rest = [...dims];
  return [Array.from({ length: rank }, (_, i) => (ones.has(i) ? 1 : rest.shift()!))];
};

const squeeze: Infer = (node, facts) => {
  const dims = facts.dims(node.input[0]!);
  const axes = axesOf(node, facts);
  if (!dims) return [];
  if (!axes) {
    const isKnown = !node.input[1] && dims.every((dim) => typeof dim === 'number');
    return isKnown ? [dims.filter((dim) => dim !== 1)] : [];
  }
  const gone = new Set(positive(axes, dims.length));
  return [dims.filter((_, i) => !gone.has(i))];
};

const flatten: Infer = (node, facts) => {
  const dims = facts.dims(node.input[0]!);
  if (!dims) return [[facts.symbol(), facts.symbol()]];
  const [axis] = positive([intAttribute(node, 'axis') ?? 1], dims.length);
  const product = (sizes: Sizes): Dim => {
    const open = sizes.filter((size) => size !== 1);
    if (open.length < 2) return open[0] ?? 1;
    return open.every((size) => typeof size === 'number')
      ? (open as number[]).reduce((a, b) => a * b, 1)
      : facts.symbol();
  };
  return [[product(dims.slice(0, axis)), product(dims.slice(axis))]];
};

const concat: Infer = (node, facts) => {
  const all = node.input.map((name) => facts.dims(name));
  const known = all.find((dims) => dims !== null);
  if (!known) return [];
  const [axis] = positive([intAttribute(node, 'axis') ?? 0], known.length);
  const sizes = all.map((dims) => dims?.[axis!]);
  const sum = sizes.every((size) => typeof size === 'number')
    ? (sizes as number[]).reduce((a, b) => a + b, 0)
    : facts.symbol();
  return [known.map((dim, i) => (i === axis ? sum : dim))];
};

const split: Infer = (node, facts) => {
  const dims = facts.dims(node.input[0]!);
  if (!dims) return [];
  const [axis] = positive([intAttribute(node, 'axis') ?? 0], dims.length);
  const sizes = (node.input[1] ? facts.value(node.input[1]) : null) ?? intsAttribute(node, 'split');
  const whole = dims[axis!];
  const count = node.output.length;
  const even = typeof whole === 'number' && whole % count === 0 && !node.input[1] ? whole / count : null;
  return node.output.map((_, k) => dims.map((dim, i) => (i === axis ? (sizes?.[k] ?? even ?? facts.symbol()) : dim)));
};

/** Only the axes that are cut get another size. */
const slice: Infer = (node, facts) => {
  const dims = facts.dims(node.input[0]!);
  if (!dims) return [];
  const starts = facts.dims(node.input[1]!)?.[0];
  const axes = node.input[3] ? facts.numbers(node.input[3]) : null;
  const implied = typeof starts === 'number' && !node.input[3] ? [...dims.keys()].slice(0, starts) : null;
  const cut = new Set(positive(axes ?? implied ?? [...dims.keys()], dims.length));
  return [dims.map((dim, i) => (cut.has(i) ? facts.symbol() : dim))];
};

const expand: Infer = (node, facts) => {
  const dims = facts.dims(node.input[0]!);
  const shape = facts.value(node.input[1]!);
  if (shape) return [broadcast([dims, shape], facts)];
  const length = facts.dims(node.input[1]!)?.[0];
  if (!dims || typeof length !== 'number') return [];
  return [Array.from({ length: Math.max(length, dims.length) }, () => facts.symbol())];
};

const ofShape: Infer = (node, facts) => {
  const shape = facts.value(node.input[0]!);
  if (shape) return [shape];
  const length = facts.dims(node.input[0]!)?.[0];
  return typeof length === 'number' ? [Array.from({ length }, () => facts.symbol())] : [];
};

const topK: Infer = (node, facts) => {
  const dims = facts.dims(node.input[0]!);
  if (!dims) return [];
  const [axis] = positive([intAttribute(node, 'axis') ?? -1], dims.length);
  const [k] = facts.value(node.input[1]!) ?? [facts.symbol()];
  const cut = dims.map((dim, i) => (i === axis ? k! : dim));
  return [cut, cut];
};

/** A convolution or a pool: the batch, channels, and places of sizes that are not worked out. */
const places =
  (channels: (node: NodeProto, facts: Facts, dims: Sizes) => Dim | undefined): Infer =>
  (node, facts) => {
    const dims = facts.dims(node.input[0]!);
    if (!dims) return [];
    const made = [dims[0]!, channels(node, facts, dims) ?? facts.symbol(), ...dims.slice(2).map(() => facts.symbol())];
    return node.output.map(() => made);
  };

const globalPool: Infer = (node, facts) => {
  const dims = facts.dims(node.input[0]!);
  return dims ? [dims.map((dim, i) => (i < 2 ? dim : 1))] : [];
};

const einsum: Infer = (node, facts) => {
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
const skipNorm: Infer = ({ input }, facts) => {
  const dims = facts.dims(input[0]!);
  return [dims, null, null, dims];
};

/** As many dimensions as the queries have. */
const attention: Infer = ({ input }, facts) => [facts.dims(input[0]!)?.map(() => facts.symbol()) ?? null];

/** The outputs of all steps, then the last states. */
const recurrent: Infer = (node, facts) => {
  const [steps, batch] = facts.dims(node.input[0]!) ?? [facts.symbol(), facts.symbol()];
  const hidden = intAttribute(node, 'hidden_size') ?? facts.symbol();
  const count = stringAttribute(node, 'direction') === 'bidirectional' ? 2 : 1;
  const state = [count, batch!, hidden];
  return [[steps!, ...state], state, state];
};

const constant: Infer = (node) => {
  const tensor = tensorAttribute(node, 'value');
  if (tensor) return [tensor.dims.map(Number)];
  const list = intsAttribute(node, 'value_ints');
  const isScalar = node.attribute.some(({ name }) => name === 'value_int' || name === 'value_float');
  return isScalar ? [[]] : list ? [[list.length]] : [];
};

function table(entries: readonly (readonly [Infer, string])[]): ReadonlyMap<string, Infer> {
  return new Map(entries.flatMap(([infer, names]) => names.split(' ').map((name) => [name, infer] as const)));
}

const INFER = table([
  [
    like,
    'Abs Acos Acosh Asin Asinh Atan Atanh BatchNormalization BiasGelu Cast CastLike Ceil Celu Clip Cos Cosh CumSum Dropout Elu ' +
      'Erf Exp EyeLike FastGelu Floor Gelu GroupNormalization HardSigmoid HardSwish Hardmax Identity InstanceNormalization IsInf ' +
      'IsNaN LeakyRelu Log LogSoftmax LpNormalization Mish Neg Not PRelu QuickGelu RMSNormalization Reciprocal Relu Round ' +
      'ScatterElements ScatterND Selu Sigmoid Sign SimplifiedLayerNormalization Sin Sinh Softmax Softplus Softsign Sqrt ' +
      'Swish Tan Tanh ThresholdedRelu Trilu RotaryEmbedding',
  ],
  [(node, facts) => [facts.dims(node.input[0]!)], 'LayerNormalization'],
  [
    together,
    'Add And BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or ' +
      'Pow Sub Sum Where Xor',
  ],
  [sameRank, 'Pad Resize Tile DepthToSpace SpaceToDepth Upsample Compress'],
  [
    reduce,
    'ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare',
  ],
  [arg, 'ArgMax ArgMin'],
  [matmul, 'MatMul FusedMatMul'],
  [gemm, 'Gemm FusedGemm'],
  [skipNorm, 'SkipLayerNormalization SkipSimplifiedLayerNormalization'],
  [attention, 'Attention GroupQueryAttention'],
  [reshape, 'Reshape'],
  [gather, 'Gather'],
  [({ input }, facts) => [facts.dims(input[1]!)], 'GatherElements'],
  [gatherNd, 'GatherND'],
  [transpose, 'Transpose'],
  [unsqueeze, 'Unsqueeze'],
  [squeeze, 'Squeeze'],
  [flatten, 'Flatten'],
  [concat, 'Concat'],
  [split, 'Split'],
  [slice, 'Slice'],
  [expand, 'Expand'],
  [ofShape, 'ConstantOfShape'],
  [topK, 'TopK'],
  [places((node, facts) => facts.dims(node.input[1]!)?.[0]), 'Conv FusedConv'],
  [places(() => undefined), 'ConvTranspose'],
  [places((_, __, dims) => dims[1]), 'MaxPool AveragePool'],
  [globalPool, 'GlobalAveragePool GlobalMaxPool'],
  [einsum, 'Einsum'],
  [recurrent, 'LSTM GRU RNN'],
  [constant, 'Constant'],
  [ifDims, 'If'],
  [loopDims, 'Loop'],
  [scanDims, 'Scan'],
  [(node, facts) => [[sizesTaken(node, facts)?.length ?? facts.symbol()]], 'Shape'],
  [() => [[]], 'Size'],
  [(_, facts) => [[facts.symbol()]], 'Range'],
  [({ input }, facts) => [[facts.dims(input[0]!)?.length ?? facts.symbol(), facts.symbol()]], 'NonZero'],
]);
