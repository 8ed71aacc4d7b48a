import type { OnnxModel } from '../onnx/model.ts';
import type { NodeProto } from '../onnx/proto.ts';
import { walk } from './module.ts';
import { sourceLine } from './names.ts';
import { buildTree } from './tree.ts';

/** The node of a model that a message of ONNX Runtime names. */
export function nodeIn(message: string, { graph }: OnnxModel): NodeProto | undefined {
  const name = /Name:'([^']+)'/.exec(message)?.[1] ?? /Node \(([^)]+)\)/.exec(message)?.[1];
  return name === undefined ? undefined : graph.node.find((node) => node.name === name);
}

/** A node in the user's terms: its name and operator, its module, and the line of Python that made it, if the file knows them. */
export function describeNode(node: NodeProto, model: OnnxModel): string {
  const index = model.graph.node.indexOf(node);
  const found = [...walk(buildTree(model.plain))].findLast(
    ({ path, operations }) => path !== '' && operations.some((operation) => operation.node === index),
  );
  const line = sourceLine(node);
  return `'${node.name}' (${node.opType})${found ? ` of ${found.path}` : ''}${line ? `, written as "${line}",` : ''}`;
}
