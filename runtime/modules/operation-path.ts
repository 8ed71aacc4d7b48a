import type { Module } from './module.ts';

/** Stands between a module's path and the name of an operation in it; together they are used like a module's path. */
export const OPERATION = '::';

/** The path of a node's operation. The node must not be a constant. */
export function operationPath(tree: Module, node: number): string {
  const found = tree.operations.find((operation) => operation.node === node);
  if (found === undefined) throw new Error(`The node ${node} is not an operation of the model.`);
  return `${OPERATION}${found.name}`;
}
