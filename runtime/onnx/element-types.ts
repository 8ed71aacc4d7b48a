import { type AttributeProto, type GraphProto, type NodeProto, TensorProto_DataType as T } from 'onnx-buf';
import { bodies } from './links.ts';

/** Operators whose outputs have one element type whatever their inputs are. */
const FIXED: Readonly<Record<string, readonly number[]>> = {
  ...same(
    [T.BOOL],
    'And',
    'Equal',
    'Greater',
    'GreaterOrEqual',
    'IsInf',
    'IsNaN',
    'Less',
    'LessOrEqual',
    'Not',
    'Or',
    'Xor',
  ),
  ...same([T.INT64], 'ArgMax', 'ArgMin', 'NonMaxSuppression', 'NonZero', 'SequenceLength', 'Shape', 'Size'),
  ...same([T.INT32], 'ConvInteger', 'MatMulInteger'),
  DynamicQuantizeLinear: [T.UINT8, T.FLOAT, T.UINT8],
};

/** Operators whose first output has the type of another input than the first. */
const LIKE: Readonly<Record<string, number>> = {
  DequantizeLinear: 1,
  EmbedLayerNormalization: 2,
  GatherBlockQuantized: 2,
  OneHot: 2,
  QLinearConv: 7,
  QLinearMatMul: 7,
  QuantizeLinear: 2,
  Where: 1,
};

/** Attributes that name the element type of what an operator makes, and the type where they are left out. */
const NAMED: Readonly<Record<string, readonly [attribute: string, otherwise: number | null]>> = {
  Bernoulli: ['dtype', null],
  BlackmanWindow: ['output_datatype', T.FLOAT],
  Cast: ['to', null],
  EyeLike: ['dtype', null],
  HammingWindow: ['output_datatype', T.FLOAT],
  HannWindow: ['output_datatype', T.FLOAT],
  Multinomial: ['dtype', T.INT32],
  RandomNormal: ['dtype', T.FLOAT],
  RandomNormalLike: ['dtype', null],
  RandomUniform: ['dtype', T.FLOAT],
  RandomUniformLike: ['dtype', null],
};

/**
 * The ONNX element type of every tensor of a graph, as far as operators tell it: what the file declares, else the
 * operator's own rule, else the type of its first input. Tensors whose type stays unknown are left out.
 */
export function elementTypes(graph: GraphProto, outer: ReadonlyMap<string, number> = new Map()): Map<string, number> {
  const types = new Map(outer);
  for (const { name, dataType } of graph.initializer) types.set(name, dataType);
  for (const { name, type } of [...graph.input, ...graph.valueInfo, ...graph.output]) {
    if (type?.value.case === 'tensorType' && type.value.value.elemType !== T.UNDEFINED) {
      types.set(name, type.value.value.elemType);
    }
  }
  for (const node of graph.node) {
    const made = nodeTypes(node, types);
    node.output.forEach((name, i) => {
      const type = made[i];
      if (name !== '' && type !== undefined && !types.has(name)) types.set(name, type);
    });
  }
  return types;
}

function nodeTypes(node: NodeProto, types: ReadonlyMap<string, number>): readonly (number | undefined)[] {
  const input = (i: number) => types.get(node.input[i] ?? '');
  const attribute = (name: string) => node.attribute.find((candidate) => candidate.name === name);
  const fixed = FIXED[node.opType];
  if (fixed !== undefined) return fixed;
  const inner = bodies(node);
  if (inner.length > 0) return bodyTypes(node, inner, types);
  if (node.opType === 'Constant') return [constantType(node.attribute)];
  if (node.opType === 'ConstantOfShape') return [attribute('value')?.t?.dataType ?? T.FLOAT];
  if (node.opType === 'TopK') return [input(0), T.INT64];
  if (node.opType === 'Unique') return [input(0), T.INT64, T.INT64, T.INT64];
  if (node.opType === 'MaxPool' || node.opType === 'Dropout') {
    return [input(0), node.opType === 'MaxPool' ? T.INT64 : T.BOOL];
  }
  if (node.opType === 'QuantizeLinear' && node.input.length < 3) {
    return [Number(attribute('output_dtype')?.i ?? 0) || T.UINT8];
  }
  const named = NAMED[node.opType];
  if (named !== undefined) {
    const given = attribute(named[0]);
    return [given === undefined ? (named[1] ?? input(0)) : Number(given.i)];
  }
  const like = LIKE[node.opType];
  if (like !== undefined) return [input(like)];
  return node.output.map(() => input(0));
}

/** If yields what its branches do; Loop and Scan their states (behind Loop's condition) and what they gather. */
function bodyTypes(node: NodeProto, inner: readonly GraphProto[], types: ReadonlyMap<string, number>) {
  const body = inner[0]!;
  const yields = node.opType === 'Loop' ? body.output.slice(1) : body.output;
  const known = elementTypes(body, types);
  return yields.map(({ name }) => known.get(name));
}

function constantType(attributes: readonly AttributeProto[]): number | undefined {
  for (const { name, t } of attributes) {
    if (name === 'value') return t?.dataType;
    if (name === 'value_float' || name === 'value_floats') return T.FLOAT;
    if (name === 'value_int' || name === 'value_ints') return T.INT64;
  }
  return undefined;
}

function same(types: readonly number[], ...operators: string[]): Record<string, readonly number[]> {
  return Object.fromEntries(operators.map((operator) => [operator, types]));
}
