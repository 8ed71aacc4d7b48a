import { makeNode } from '../onnx/make.ts';
import type { ModelProto, NodeProto } from '../onnx/proto.ts';
import { renameReads } from '../onnx/rename.ts';
import { originOf } from './origin.ts';

/** A weight as some of its readers have it: its gradient is theirs alone. */
export interface Share {
  /** Its name in the derivative. */
  readonly name: string;
  readonly weight: string;
  /** The names of the nodes that read the weight for others. */
  readonly others: ReadonlySet<string>;
}

/** The same model, in which each share is a tensor: a copy of its weight, which its own readers read. */
export function withShares(model: ModelProto, shares: readonly Share[]): ModelProto {
  if (shares.length === 0) return model;
  const graph = model.graph!;
  const made = new Set(graph.node.flatMap(({ output }) => output));
  // The derivative of a derivative may have them already.
  const missing = shares.filter(({ name }) => !made.has(name));
  const copies = missing.map(({ name, weight }) => makeNode('Identity', [weight], [name]));
  const own = (node: NodeProto) =>
    renameReads(
      node,
      (tensor) =>
        missing.find(({ weight, others }) => weight === tensor && !others.has(originOf(node)))?.name ?? tensor,
    );
  return { ...model, graph: { ...graph, node: [...copies, ...graph.node.map(own)] } };
}
