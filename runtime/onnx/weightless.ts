import { elementType, isPassable } from './dtypes.ts';
import { externalEntry, isExternal } from './external.ts';
import { makeNode, makeValueInfo } from './make.ts';
import type { OnnxModel } from './model.ts';
import type { GraphProto, NodeProto, TensorProto, ValueInfoProto } from './proto.ts';
import { encodeModel } from './proto.ts';
import { INLINE_BYTES } from './skim.ts';

/**
 * The model, encoded, with its large weights turned into inputs of their type and shape, so that ONNX Runtime can work
 * out every tensor's shape without loading them. Small initializers stay: shapes, axes and positions depend on them.
 * @param dims sizes of the model's own inputs; inputs left out keep the free dimensions they have
 * @param outputs names of the tensors that become the outputs
 * @param probes tensors whose shape becomes an output, called `probeName(tensor)`
 */
export function weightless(
  { graph, proto }: Pick<OnnxModel, 'graph' | 'proto'>,
  dims: Readonly<Record<string, readonly number[]>>,
  outputs: readonly string[],
  probes: readonly string[] = [],
): Uint8Array {
  // Old models list their initializers among the inputs, too.
  const initializers = new Set(graph.initializer.map(({ name }) => name));
  const given = graph.input.filter(({ name }) => !initializers.has(name));
  const inputs = [
    ...given.map((input) => resize(input, dims[input.name])),
    ...graph.initializer
      .filter(isWeight)
      .map(({ name, dataType, dims }) => makeValueInfo(name, dataType, dims.map(Number))),
  ];
  const rewritten: GraphProto = {
    ...graph,
    initializer: graph.initializer.filter((tensor) => !isWeight(tensor)),
    input: inputs.map((input) => (isForeign(input) ? standIn(input) : input)),
    // Declared types would only repeat free dimensions that inference is to fill.
    output: [...outputs, ...probes.map(probeName)].map((name) => makeValueInfo(name)),
    valueInfo: [],
    node: [
      ...inputs.filter(isForeign).map(fromStandIn),
      ...graph.node,
      ...probes.map((name) => makeNode('Shape', [name], [probeName(name)])),
    ],
  };
  return encodeModel({ ...proto, graph: rewritten });
}

/** The output that `weightless` gives a probe of `tensor`. */
export function probeName(tensor: string): string {
  return `${tensor}:shape`;
}

function typeOf({ type }: ValueInfoProto): number | null {
  return type?.value.case === 'tensorType' ? type.value.value.elemType : null;
}

/** Whether Node cannot even open a model with such an input: bfloat16, float8, int4. */
function isForeign(input: ValueInfoProto): boolean {
  const type = typeOf(input);
  return type !== null && !isPassable(type);
}

/** An input of numbers that the foreign ones are made of. */
function standIn(input: ValueInfoProto): ValueInfoProto {
  const tensor = input.type!.value;
  if (tensor.case !== 'tensorType') return input;
  const value = { ...tensor.value, elemType: elementType('float32') };
  return { ...input, name: `${input.name}:given`, type: { ...input.type!, value: { case: 'tensorType', value } } };
}

function fromStandIn(input: ValueInfoProto): NodeProto {
  return makeNode('Cast', [`${input.name}:given`], [input.name], { to: { int: typeOf(input)! } });
}

/** Small external data is read after all: a shape may depend on it. */
export function isWeight(tensor: TensorProto): boolean {
  if (!isExternal(tensor)) return false;
  const length = externalEntry(tensor, 'length');
  return length === undefined || Number(length) > INLINE_BYTES;
}

function resize(input: ValueInfoProto, dims: readonly number[] | undefined): ValueInfoProto {
  if (dims === undefined || input.type?.value.case !== 'tensorType') return input;
  return makeValueInfo(input.name, input.type.value.value.elemType, dims);
}
