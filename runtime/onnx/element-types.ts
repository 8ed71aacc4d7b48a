import { TensorProto_DataType as T } from 'onnx-buf';
import { intAttribute, tensorAttribute } from './attributes.ts';
import { isStandard } from './domains.ts';
import type { AttributeProto, GraphProto, NodeProto } from './proto.ts';
import { subgraphsOf } from './subgraphs.ts';

/** Operators whose outputs have one element type whatever their inputs are. */
const FIXED = table<readonly number[]>({
  ...same(
    [T.BOOL],
    'And',
    'Equal',
    'Greater',
    'GreaterOrEqual',
    'IsAllFinite',
    'IsInf',
    'IsNaN',
    'Less',
    'LessOrEqual',
    'Not',
    'OptionalHasElement',
    'Or',
    'RegexFullMatch',
    'Xor',
  ),
  ...same([T.INT64], 'ArgMax', 'ArgMin', 'NonMaxSuppression', 'NonZero', 'SequenceLength', 'Shape', 'Size'),
  ...same(
    [T.INT32],
    'BeamSearch',
    'ConvInteger',
    'GreedySearch',
    'MatMulInteger',
    'MatMulInteger16',
    'Sampling',
    'WhisperBeamSearch',
  ),
  ...same(
    [T.FLOAT],
    'FeatureVectorizer',
    'LinearRegressor',
    'Normalizer',
    'OneHotEncoder',
    'SVMRegressor',
    'Scaler',
    'TfIdfVectorizer',
    'TreeEnsembleRegressor',
  ),
  // What they make is told by attributes, which nothing here reads.
  ...same(
    [],
    'CastMap',
    'CategoryMapper',
    'DictVectorizer',
    'LabelEncoder',
    'LinearClassifier',
    'MulInteger',
    'ReduceSumInteger',
    'SVMClassifier',
    'TreeEnsembleClassifier',
    'ZipMap',
  ),
  DynamicQuantizeLinear: [T.UINT8, T.FLOAT, T.UINT8],
  ImageDecoder: [T.UINT8],
  StringSplit: [T.STRING, T.INT64],
});

/** Operators whose first output has the type of another input than the first. */
const LIKE = table<number>({
  CastLike: 1,
  DequantizeLinear: 1,
  GatherBlockQuantized: 2,
  MatMulIntegerToFloat: 2,
  NGramRepeatBlock: 1,
  OneHot: 2,
  QLinearConcat: 1,
  QLinearConv: 7,
  QLinearMatMul: 7,
  QLinearWhere: 8,
  QuantizeLinear: 2,
  RMSNormalization: 1,
  SimplifiedLayerNormalization: 1,
  SparseToDenseMatMul: 1,
  Where: 1,
  WordConvEmbedding: 1,
});

/** Attributes that name the element type of what an operator makes, and the type where they are left out. */
const NAMED = table<readonly [attribute: string, otherwise: number | null]>({
  Bernoulli: ['dtype', null],
  BitCast: ['to', null],
  BlackmanWindow: ['output_datatype', T.FLOAT],
  Cast: ['to', null],
  EyeLike: ['dtype', null],
  HammingWindow: ['output_datatype', T.FLOAT],
  HannWindow: ['output_datatype', T.FLOAT],
  MelWeightMatrix: ['output_datatype', T.FLOAT],
  Multinomial: ['dtype', T.INT32],
  RandomNormal: ['dtype', T.FLOAT],
  RandomNormalLike: ['dtype', null],
  RandomUniform: ['dtype', T.FLOAT],
  RandomUniformLike: ['dtype', null],
});

/** Element types by the names of tensors. */
export type Types = Pick<ReadonlyMap<string, number>, 'get'>;

/** The types of a body's tensors. Those around it are looked up, not copied: a model may have thousands of bodies. */
class BodyTypes implements Types {
  readonly own: ReadonlyMap<string, number>;
  readonly around: Types;

  constructor(own: ReadonlyMap<string, number>, around: Types) {
    this.own = own;
    this.around = around;
  }

  get(name: string): number | undefined {
    return this.own.get(name) ?? this.around.get(name);
  }
}

/**
 * The ONNX element type of every tensor of a graph, as far as operators tell it: what the file declares, else the
 * operator's own rule, else the type of its first input. Tensors whose type stays unknown are left out.
 */
export function elementTypes(graph: GraphProto): Map<string, number> {
  return typesIn(graph, new Map(), new Map());
}

/** The same in a body, with those of the tensors around it. */
export function bodyElementTypes(graph: GraphProto, around: Types): Types {
  return new BodyTypes(typesIn(graph, new Map(), around), around);
}

/**
 * @param own the types that are known of tensors of the graph; the others are added
 * @param around those of the tensors around it
 */
function typesIn(graph: GraphProto, own: Map<string, number>, around: Types): Map<string, number> {
  const types = new BodyTypes(own, around);
  for (const { name, dataType } of graph.initializer) own.set(name, dataType);
  for (const { name, type } of [...graph.input, ...graph.valueInfo, ...graph.output]) {
    if (type?.value.case === 'tensorType' && type.value.value.elemType !== T.UNDEFINED) {
      own.set(name, type.value.value.elemType);
    }
  }
  for (const node of graph.node) {
    const made = nodeTypes(node, types);
    node.output.forEach((name, i) => {
      const type = made[i];
      if (name !== '' && type !== undefined && types.get(name) === undefined) own.set(name, type);
    });
  }
  return own;
}

/** The element types of what a node makes, given those of what it reads; undefined where they are not known. */
export function nodeTypes(node: NodeProto, types: Types): readonly (number | undefined)[] {
  const input = (i: number) => types.get(node.input[i] ?? '');
  const fixed = FIXED.get(node.opType);
  if (fixed !== undefined) return fixed;
  const [subgraph] = subgraphsOf(node);
  if (subgraph !== undefined) return subgraphTypes(node, subgraph, types);
  if (node.opType === 'Constant') return [constantType(node.attribute)];
  if (node.opType === 'ConstantOfShape') return [tensorAttribute(node, 'value')?.dataType ?? T.FLOAT];
  if (node.opType === 'EmbedLayerNormalization') return [input(2), T.INT32, input(2)];
  if (node.opType === 'QEmbedLayerNormalization') return [input(8), T.INT32];
  if (node.opType === 'QAttention') return [input(2), input(2)];
  if (node.opType === 'QGemm') return [input(8) ?? input(1)];
  // A cache may be quantized, and a state may be kept in another precision.
  if (node.opType === 'GroupQueryAttention') {
    const keys = input(3) ?? input(0);
    return [input(0), keys, input(4) ?? keys, input(0)];
  }
  if (node.opType === 'PagedAttention') return [input(0), input(3), input(4)];
  if (node.opType === 'LinearAttention') return [input(0), input(3)];
  if (node.opType === 'Attention' && isStandard(node)) return [input(0), input(0), input(2), input(0)];
  if (/^(Skip)?(Simplified)?LayerNormalization$/.test(node.opType) && node.output.length > 1) {
    return [input(0), T.FLOAT, T.FLOAT, input(0)];
  }
  if (node.opType === 'RemovePadding') return [input(0), T.INT32, T.INT32, T.INT32];
  if (node.opType === 'TopK') return [input(0), T.INT64];
  if (node.opType === 'Unique') return [input(0), T.INT64, T.INT64, T.INT64];
  if (node.opType === 'MaxPool' || node.opType === 'Dropout') {
    return [input(0), node.opType === 'MaxPool' ? T.INT64 : T.BOOL];
  }
  if (node.opType === 'QuantizeLinear' && node.input.length < 3) {
    return [intAttribute(node, 'output_dtype') || T.UINT8];
  }
  const named = NAMED.get(node.opType);
  if (named !== undefined) {
    return [intAttribute(node, named[0]) ?? named[1] ?? input(0)];
  }
  const like = LIKE.get(node.opType);
  if (like !== undefined) return [input(like)];
  return node.output.map(() => input(0));
}

/** If yields the outputs of its branches; Loop and Scan yield their states (after Loop's condition) and their collected outputs. */
function subgraphTypes(node: NodeProto, subgraph: GraphProto, types: Types) {
  const yields = node.opType === 'Loop' ? subgraph.output.slice(1) : subgraph.output;
  const known = typesIn(subgraph, new Map(bodyInputTypes(node, subgraph, types)), types);
  return yields.map(({ name }) => known.get(name) ?? types.get(name));
}

/** The types of what enters a body, which it need not declare: Loop's counter and condition, then what the node reads. */
function bodyInputTypes(node: NodeProto, { input }: GraphProto, types: Types) {
  const given = node.input.map((name) => types.get(name));
  const entering = node.opType === 'Loop' ? [T.INT64, T.BOOL, ...given.slice(2)] : given;
  return input.flatMap(({ name }, i): [string, number][] => {
    const type = entering[i];
    return type === undefined ? [] : [[name, type]];
  });
}

function constantType(attributes: readonly AttributeProto[]): number | undefined {
  for (const { name, t } of attributes) {
    if (name === 'value') return t?.dataType;
    if (name === 'value_float' || name === 'value_floats') return T.FLOAT;
    if (name === 'value_int' || name === 'value_ints') return T.INT64;
  }
  return undefined;
}

/** By operator. A map, since an operator of the file's own may have any name, even `constructor`. */
function table<T>(entries: Readonly<Record<string, T>>): ReadonlyMap<string, T> {
  return new Map(Object.entries(entries));
}

function same(types: readonly number[], ...operators: string[]): Record<string, readonly number[]> {
  return Object.fromEntries(operators.map((operator) => [operator, types]));
}
