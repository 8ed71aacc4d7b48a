import { intAttribute, intsAttribute, tensorAttribute } from './attributes.ts';
import type { GraphProto, NodeProto } from './proto.ts';

type RankOf = (tensor: string) => number | null;

const like =
  (index: number) =>
  ({ input }: NodeProto, rankOf: RankOf): number | null =>
    rankOf(input[index] ?? '');

/** The largest of the ranks of all inputs, if all are known. */
function broadcast({ input }: NodeProto, rankOf: RankOf): number | null {
  const ranks = input.filter((name) => name !== '').map(rankOf);
  return ranks.some((rank) => rank === null) ? null : Math.max(...(ranks as number[]));
}

const shifted = (by: number) => (node: NodeProto, rankOf: RankOf) => {
  const rank = like(0)(node, rankOf);
  const axes = intsAttribute(node, 'axes');
  return rank === null || axes === null ? null : rank + by * axes.length;
};

function reduced(node: NodeProto, rankOf: RankOf): number | null {
  if ((intAttribute(node, 'keepdims') ?? 1) !== 0) return like(0)(node, rankOf);
  return intsAttribute(node, 'axes') === null ? 0 : shifted(-1)(node, rankOf);
}

const sameRule = <T>(rule: T, operators: string): [string, T][] => operators.split(' ').map((name) => [name, rule]);

/** The rank of an operator's first output, as operator sets before 13 have it. */
const RULES = new Map<string, (node: NodeProto, rankOf: RankOf) => number | null>([
  ...sameRule(
    like(0),
    'Abs AveragePool BatchNormalization Cast Clip Concat Conv ConvTranspose Dropout Elu Erf Exp Gelu GlobalAveragePool HardSigmoid Identity InstanceNormalization LeakyRelu Log LogSoftmax MaxPool Neg Pad Reciprocal Relu Resize Selu Sigmoid Slice Softmax Softplus Split Sqrt Tanh Transpose Upsample',
  ),
  ...sameRule(broadcast, 'Add And Div Equal Greater Less Mul Or Pow PRelu Sub Sum Max Mean Min Where'),
  ...sameRule(reduced, 'ReduceL2 ReduceMax ReduceMean ReduceMin ReduceSum'),
  ['Flatten', () => 2],
  ['Gemm', () => 2],
  [
    'MatMul',
    (node, rankOf) => {
      const ranks = [like(0)(node, rankOf) ?? 0, like(1)(node, rankOf) ?? 0];
      return Math.min(...ranks) < 2 ? null : Math.max(...ranks);
    },
  ],
  ['Shape', () => 1],
  ['Squeeze', shifted(-1)],
  ['Unsqueeze', shifted(1)],
  [
    'Gather',
    ({ input }, rankOf) => {
      const [data, indices] = [rankOf(input[0]!), rankOf(input[1]!)];
      return data === null || indices === null ? null : data + indices - 1;
    },
  ],
]);

/** The number of dimensions of the tensors of a graph: null where neither the file nor the operators on the way tell it. */
export function ranksIn(graph: GraphProto): RankOf {
  const known = new Map<string, number | null>();
  const lengths = new Map<string, number>();
  for (const { name, dims } of graph.initializer) {
    known.set(name, dims.length);
    if (dims.length === 1) lengths.set(name, Number(dims[0]));
  }
  for (const { name, type } of [...graph.input, ...graph.valueInfo, ...graph.output]) {
    if (type?.value.case === 'tensorType' && type.value.value.shape) known.set(name, type.value.value.shape.dim.length);
  }
  const rankOf: RankOf = (tensor) => known.get(tensor) ?? null;
  for (const node of graph.node) {
    const made = node.output[0] ?? '';
    const length = lengthOf(node, rankOf, lengths);
    if (length !== null) lengths.set(made, length);
    const reshaped = node.opType === 'Reshape' ? (lengths.get(node.input[1] ?? '') ?? null) : null;
    if (!known.has(made)) known.set(made, reshaped ?? RULES.get(node.opType)?.(node, rankOf) ?? null);
  }
  return rankOf;
}

/** How many elements a list of sizes has: that of a reshape tells the rank. */
function lengthOf(node: NodeProto, rankOf: RankOf, lengths: ReadonlyMap<string, number>): number | null {
  if (node.opType === 'Constant') {
    const value = tensorAttribute(node, 'value');
    return value?.dims.length === 1 ? Number(value.dims[0]) : null;
  }
  if (node.opType === 'Shape') return rankOf(node.input[0]!);
  if (node.opType === 'Unsqueeze') return rankOf(node.input[0]!) === 0 ? 1 : null;
  if (node.opType !== 'Concat') return null;
  const parts = node.input.map((name) => lengths.get(name) ?? null);
  return parts.some((part) => part === null) ? null : (parts as number[]).reduce((a, b) => a + b, 0);
}
