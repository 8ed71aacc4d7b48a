import type { Module } from './module.ts';

/** Between a module's path and the name of an operation in it, which together stand in the place of a module's path. */
export const OPERATION = '::';

/** The path of the operation that a node of the graph is, which must not be a constant. */
export function operationPath(tree: Module, node: number): string {
  const found = tree.operations.find((operation) => operation.node === node);
  if (found === undefined) throw new Error(`The node ${node} is not an operation of the model.`);
  return `${OPERATION}${found.name}`;
}
