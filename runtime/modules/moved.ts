import type { Module, ModuleCall } from './module.ts';

/**
 * A module of a model in which each node stands as other ones.
 * @param nodesOf the nodes that stand for one, by its index
 */
export function movedModule(module: Module, nodesOf: (index: number) => readonly number[]): Module {
  const call = (one: ModuleCall): ModuleCall => ({ ...one, nodes: [...new Set(one.nodes.flatMap(nodesOf))] });
  const { note } = module;
  return {
    ...module,
    children: new Map(Array.from(module.children, ([name, child]) => [name, movedModule(child, nodesOf)])),
    calls: module.calls.map(call),
    operations: module.operations.flatMap((one) => nodesOf(one.node).map((node) => ({ ...one, node }))),
    note: note?.kind === 'inside' ? { ...note, node: nodesOf(note.node).at(-1)! } : note,
  };
}
