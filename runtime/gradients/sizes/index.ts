import type { NodeProto } from '../../onnx/proto.ts';
import type { Dims, Facts } from '../facts.ts';
import { ifDims, loopDims, scanDims } from '../subgraph-dims.ts';
import {
  arg,
  attention,
  constant,
  einsum,
  gemm,
  globalPool,
  like,
  matmul,
  ownAttention,
  places,
  recurrent,
  reduce,
  sameRank,
  skipNorm,
  together,
} from './computing.ts';
import {
  concat,
  expand,
  flatten,
  gather,
  gatherNd,
  ofShape,
  reshape,
  slice,
  split,
  squeeze,
  topK,
  transpose,
  unsqueeze,
} from './moving.ts';
import type { Infer } from './rule.ts';
import { sizesTaken } from './values.ts';

/** The sizes of the outputs of a node; null where they are not known. They only have to be known where a rule profits from it. */
export function inferDims(node: NodeProto, facts: Facts): readonly Dims[] {
  return INFER.get(node.opType)?.(node, facts) ?? [];
}

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
  [attention, 'Attention'],
  [ownAttention, 'GroupQueryAttention MultiHeadAttention DecoderMaskedMultiHeadAttention QAttention'],
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
