import type { GraphProto } from '../onnx/proto.ts';
import { type Part, partsOf } from '../onnx/written-out.ts';
import { CountedNames } from './counted-names.ts';
import type { Module } from './module.ts';

/** A part of the operator that a node of the file is. */
export interface InsidePart extends Part {
  /** The index of the node around it. */
  readonly node: number;
  /** Which of the parts of its node it is. */
  readonly index: number;
}

const known = new WeakMap<Module, ReadonlyMap<string, InsidePart>>();

/**
 * What is inside of the operators of a module that do the work of many, by the names that it would have if it stood in the
 * file by itself, behind the operations that do.
 */
export function insideOfModule(module: Module, graph: GraphProto): ReadonlyMap<string, InsidePart> {
  let found = known.get(module);
  if (!found) {
    const counts = new Map<string, number>();
    for (const { opType } of module.operations) counts.set(opType, (counts.get(opType) ?? 0) + 1);
    const names = new CountedNames(new Set(module.operations.map(({ name }) => name)), counts);
    found = new Map(
      module.operations.flatMap(({ node }) =>
        partsOf(graph.node[node]!).map((part, index) => [names.next(part.opType), { ...part, node, index }] as const),
      ),
    );
    known.set(module, found);
  }
  return found;
}
