import type { Module } from './module.ts';

/** Stands between a module's path and the name of an operation in it; together they are used like a module's path. */
export const OPERATION = '::';

/** The path of a node's operation. The node must not be a constant. */
export function pathOfNode(tree: Module, node: number): string {
  const found = tree.operations.find((operation) => operation.node === node);
  if (found === undefined) throw new Error(`The node ${node} is not an operation of the model.`);
  return `${OPERATION}${found.name}`;
}

/** The path of an operation in a module; of the model itself also of a node by its name in the file. */
export function operationPath(module: string, name: string): string {
  return `${module}${OPERATION}${name}`;
}
