import { externalEntry, isExternal } from './external.ts';
import { makeNode, makeValueInfo } from './make.ts';
import type { OnnxModel } from './model.ts';
import type { GraphProto, TensorProto, ValueInfoProto } from './proto.ts';
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
  model: OnnxModel,
  dims: Readonly<Record<string, readonly number[]>>,
  outputs: readonly string[],
  probes: readonly string[] = [],
): Uint8Array {
  const { graph, proto } = model;
  // Old models list their initializers among the inputs, too.
  const initializers = new Set(graph.initializer.map(({ name }) => name));
  const given = graph.input.filter(({ name }) => !initializers.has(name));
  const rewritten: GraphProto = {
    ...graph,
    initializer: graph.initializer.filter((tensor) => !isWeight(tensor)),
    input: [
      ...given.map((input) => resize(input, dims[input.name])),
      ...graph.initializer
        .filter(isWeight)
        .map(({ name, dataType, dims }) => makeValueInfo(name, dataType, dims.map(Number))),
    ],
    // Declared types would only repeat free dimensions that inference is to fill.
    output: [...outputs, ...probes.map(probeName)].map((name) => makeValueInfo(name)),
    valueInfo: [],
    node: [...graph.node, ...probes.map((name) => makeNode('Shape', [name], [probeName(name)]))],
  };
  return encodeModel({ ...proto, graph: rewritten });
}

/** The output that `weightless` gives a probe of `tensor`. */
export function probeName(tensor: string): string {
  return `${tensor}:shape`;
}

/** Small external data is read after all: a shape may depend on it. */
function isWeight(tensor: TensorProto): boolean {
  if (!isExternal(tensor)) return false;
  const length = externalEntry(tensor, 'length');
  return length === undefined || Number(length) > INLINE_BYTES;
}

function resize(input: ValueInfoProto, dims: readonly number[] | undefined): ValueInfoProto {
  if (dims === undefined || input.type?.value.case !== 'tensorType') return input;
  return makeValueInfo(input.name, input.type.value.value.elemType, dims);
}
