import { create } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  type FunctionProto,
  FunctionProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type StringStringEntryProto,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import type { DType } from '../graph/types.ts';
import { Tensor } from '../tensor/tensor.ts';
import { elementType } from './dtypes.ts';
import type { Dim } from './model-tensor.ts';

/** An attribute of a node in plain JavaScript, by its kind in ONNX. */
export type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] };

/** An attribute of any kind: of a node that is made here, these may be subgraphs, tensors and lists of strings too. */
export type AnyAttribute =
  | OnnxAttribute
  | { readonly graph: GraphProto }
  | { readonly tensor: TensorProto }
  | { readonly strings: readonly string[] };

export type Attributes = Readonly<Record<string, AnyAttribute>>;

/** A node of the default operator set. Empty names in `inputs` leave optional inputs out. */
export function makeNode(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Attributes = {},
  name = '',
): NodeProto {
  const attribute = Object.entries(attributes).map(([key, value]) => makeAttribute(key, value));
  return create(NodeProtoSchema, { opType: op, name, input: [...inputs], output: [...outputs], attribute });
}

export function makeAttribute(name: string, value: AnyAttribute): AttributeProto {
  const fields = (() => {
    if ('graph' in value) return { type: AttributeType.GRAPH, g: value.graph };
    if ('tensor' in value) return { type: AttributeType.TENSOR, t: value.tensor };
    if ('int' in value) return { type: AttributeType.INT, i: BigInt(value.int) };
    if ('float' in value) return { type: AttributeType.FLOAT, f: value.float };
    if ('strings' in value) {
      return { type: AttributeType.STRINGS, strings: value.strings.map((one) => new TextEncoder().encode(one)) };
    }
    if ('string' in value) return { type: AttributeType.STRING, s: new TextEncoder().encode(value.string) };
    if ('ints' in value) return { type: AttributeType.INTS, ints: value.ints.map(BigInt) };
    return { type: AttributeType.FLOATS, floats: [...value.floats] };
  })();
  return create(AttributeProtoSchema, { name, ...fields });
}

/** A tensor with its elements inside, given as numbers. */
export function makeTensor(name: string, dtype: DType, data: readonly number[], dims: readonly number[]): TensorProto {
  return makeRawTensor(name, dtype, Tensor.from([...data], dtype, [...dims]).raw, dims);
}

/** A tensor with its elements inside, given as they lie in memory. They are copied. */
export function makeRawTensor(
  name: string,
  dtype: DType,
  { buffer, byteOffset, byteLength }: ArrayBufferView,
  dims: readonly number[],
): TensorProto {
  const rawData = new Uint8Array(byteLength);
  rawData.set(new Uint8Array(buffer, byteOffset, byteLength));
  return create(TensorProtoSchema, { name, dataType: elementType(dtype), dims: dims.map(BigInt), rawData });
}

/**
 * The declaration of an input or an output. Its type is a dtype, or the number that ONNX gives an element type (0 where it
 * is not known); without one, nothing but the name is declared. Without `dims`, their number is free.
 */
export function makeValueInfo(
  name: string,
  type: DType | number | null = null,
  dims: readonly Dim[] | null = null,
): ValueInfoProto {
  if (type === null) return create(ValueInfoProtoSchema, { name });
  const elemType = typeof type === 'number' ? type : elementType(type);
  const shape = dims && { shape: { dim: dims.map(makeDim) } };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value: { elemType, ...shape } } } });
}

/** Entries of a model's metadata. */
export function makeMetadata(entries: Readonly<Record<string, string>>): StringStringEntryProto[] {
  return Object.entries(entries).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value }));
}

/** The declaration of a list of tensors (an ONNX sequence), of the number that ONNX gives their element type. */
export function makeSequenceInfo(name: string, elemType: number): ValueInfoProto {
  const element = { value: { case: 'tensorType' as const, value: { elemType } } };
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'sequenceType', value: { elemType: element } } },
  });
}

function makeDim(size: Dim) {
  if (size === null) return {};
  if (typeof size === 'string') return { value: { case: 'dimParam' as const, value: size } };
  return { value: { case: 'dimValue' as const, value: BigInt(size) } };
}

export function makeGraph(
  name: string,
  node: readonly NodeProto[],
  input: readonly ValueInfoProto[],
  output: readonly ValueInfoProto[],
  initializer: readonly TensorProto[] = [],
): GraphProto {
  return create(GraphProtoSchema, {
    name,
    node: [...node],
    input: [...input],
    output: [...output],
    initializer: [...initializer],
  });
}

/** A local function: other nodes call it as if it were an operator of `domain`. */
export function makeFunction(
  domain: string,
  name: string,
  input: readonly string[],
  output: readonly string[],
  node: readonly NodeProto[],
  opset = 17,
): FunctionProto {
  const opsetImport = operatorSets(opset, [domain]);
  return create(FunctionProtoSchema, {
    domain,
    name,
    input: [...input],
    output: [...output],
    node: [...node],
    opsetImport,
  });
}

/** A model of a graph, in the default operator set of version `opset`. */
export function makeModel(graph: GraphProto, opset = 17, functions: readonly FunctionProto[] = []): ModelProto {
  const opsetImport = operatorSets(
    opset,
    functions.map(({ domain }) => domain),
  );
  return create(ModelProtoSchema, { irVersion: 8n, opsetImport, graph, functions: [...functions] });
}

/** A model of a graph in the operator sets, and with the functions, of another model. */
export function makeModelLike({ irVersion, opsetImport, functions }: ModelProto, graph: GraphProto): ModelProto {
  return create(ModelProtoSchema, { irVersion, opsetImport, functions, producerName: 'onnsight', graph });
}

function operatorSets(opset: number, domains: readonly string[]) {
  const own = { domain: '', version: BigInt(opset) };
  return [own, ...[...new Set(domains)].map((domain) => ({ domain, version: 1n }))];
}
