import type { AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto } from './proto.ts';
import { graphsWithin, mapSubgraphs, nodesWithin } from './subgraphs.ts';

/** Every tensor that a model holds: initializers and attributes, in its graph, its subgraphs and its functions. */
export function tensorsOf({ graph, functions }: ModelProto): TensorProto[] {
  const graphs = graph ? [...graphsWithin(graph)] : [];
  const nodes = [...graphs.map(({ node }) => node), ...functions.map(({ node }) => [...nodesWithin(node)])].flat();
  const attributes = nodes.flatMap(({ attribute }) => attribute);
  return [
    ...graphs.flatMap(({ initializer }) => initializer),
    ...attributes.flatMap(({ t, tensors }) => (t === undefined ? tensors : [t, ...tensors])),
  ];
}

/** A model with other tensors in the place of those that it holds. */
export function mapTensors(model: ModelProto, map: (tensor: TensorProto) => TensorProto): ModelProto {
  const inAttribute = (one: AttributeProto): AttributeProto =>
    one.t === undefined && one.tensors.length === 0
      ? one
      : { ...one, tensors: one.tensors.map(map), ...(one.t && { t: map(one.t) }) };
  const inNode = (node: NodeProto): NodeProto => {
    const { attribute, ...rest } = mapSubgraphs(node, inGraph);
    return { ...rest, attribute: attribute.map(inAttribute) };
  };
  const inGraph = (graph: GraphProto): GraphProto => ({
    ...graph,
    initializer: graph.initializer.map(map),
    node: graph.node.map(inNode),
  });
  return {
    ...model,
    functions: model.functions.map((one) => ({ ...one, node: one.node.map(inNode) })),
    ...(model.graph && { graph: inGraph(model.graph) }),
  };
}
