import { bodies } from '../../onnx/links.ts';
import type { GraphProto, NodeProto, ValueInfoProto } from '../../onnx/proto.ts';

/** Every name that a graph and the bodies in it use for a tensor. */
export function tensorNames(graph: GraphProto): Set<string> {
  const names = new Set<string>();
  for (const { name } of [...graph.input, ...graph.output, ...graph.initializer]) names.add(name);
  for (const node of graph.node) {
    for (const name of [...node.input, ...node.output]) names.add(name);
    for (const body of bodies(node)) for (const name of tensorNames(body)) names.add(name);
  }
  names.delete('');
  return names;
}

type Rename = (name: string) => string;

/** A graph with other names for its tensors and nodes, in its bodies too: tensors' are unique across all of them. */
export function renameTensors(graph: GraphProto, rename: Rename, nodeName: Rename = (name) => name): GraphProto {
  const info = <T extends ValueInfoProto>(value: T): T => ({ ...value, name: rename(value.name) });
  return {
    ...graph,
    node: graph.node.map((node) => renameNode(node, rename, nodeName)),
    initializer: graph.initializer.map((tensor) => ({ ...tensor, name: rename(tensor.name) })),
    input: graph.input.map(info),
    output: graph.output.map(info),
    valueInfo: graph.valueInfo.map(info),
  };
}

function renameNode(node: NodeProto, rename: Rename, nodeName: Rename): NodeProto {
  const named = (name: string) => (name === '' ? '' : rename(name));
  return {
    ...node,
    name: nodeName(node.name),
    input: node.input.map(named),
    output: node.output.map(named),
    attribute: node.attribute.map((attribute) => ({
      ...attribute,
      graphs: attribute.graphs.map((body) => renameTensors(body, rename, nodeName)),
      ...(attribute.g && { g: renameTensors(attribute.g, rename, nodeName) }),
    })),
  };
}
