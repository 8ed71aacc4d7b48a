import { makeGraph, makeNode, makeValueInfo } from '../make.ts';
import type { NodeProto } from '../proto.ts';

/** A conditional that gives some tensors of the graph, or as many others. */
export function choice(
  condition: string,
  then: readonly string[],
  otherwise: readonly string[],
  outputs: readonly string[],
  name = '',
): NodeProto {
  const branches = { then_branch: { graph: handingOn(then) }, else_branch: { graph: handingOn(otherwise) } };
  return makeNode('If', [condition], outputs, branches, name);
}

function handingOn(tensors: readonly string[]) {
  const names = tensors.map((_, i) => `chosen:${i}`);
  const nodes = tensors.map((tensor, i) => makeNode('Identity', [tensor], [names[i]!]));
  const outputs = names.map((name) => makeValueInfo(name));
  return makeGraph('chosen', nodes, [], outputs);
}
