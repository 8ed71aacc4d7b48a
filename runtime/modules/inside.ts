import { isFusedAttention } from '../onnx/fused-attention.ts';
import type { GraphProto } from '../onnx/proto.ts';
import type { Module } from './module.ts';

const known = new WeakMap<Module, ReadonlyMap<string, number>>();

/**
 * The softmax inside of each operator of a module that does attention as a whole, by the name that it would have if it stood in
 * the file by itself, behind those that do: the index of the node around it.
 */
export function insideOfModule(module: Module, graph: GraphProto): ReadonlyMap<string, number> {
  let found = known.get(module);
  if (!found) {
    const { operations } = module;
    const own = operations.filter(({ opType }) => opType === 'Softmax').length;
    const fused = operations.filter(({ node }) => isFusedAttention(graph.node[node]!));
    found = new Map(fused.map(({ node }, i) => [own + i === 0 ? 'Softmax' : `Softmax_${own + i}`, node]));
    known.set(module, found);
  }
  return found;
}
