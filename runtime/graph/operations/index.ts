import { isTensorOp } from '../op-schemas.ts';
import type { Operations } from '../operation.ts';
import type { AttributesOf, TensorOp } from '../ops.ts';
import type { Node, TensorNode, TensorType } from '../types.ts';
import { concatenation } from './concatenation.ts';
import { creation } from './creation.ts';
import { elementwise } from './elementwise.ts';
import { indexingByItems } from './getitem.ts';
import { indexing } from './indexing.ts';
import { linalg } from './linalg.ts';
import { normalisation } from './normalisation.ts';
import { reductions } from './reductions.ts';
import { shapes } from './shapes.ts';
import { sorting } from './sorting.ts';

/** The rules of all operations on tensors. */
export const operations: Operations<TensorOp> = {
  ...elementwise,
  ...reductions,
  ...normalisation,
  ...shapes,
  ...concatenation,
  ...indexing,
  ...indexingByItems,
  ...sorting,
  ...linalg,
  ...creation,
};

/** The types of an operation's outputs. Throws an OperationError, in PyTorch's words, if the inputs do not fit. */
export function outputTypes<O extends TensorOp>(
  op: O,
  inputs: readonly TensorType[],
  attributes: AttributesOf<O>,
): readonly TensorType[] {
  return operations[op].infer(inputs, attributes);
}

/** Whether an operation computes each element of one of each operand. */
export function isElementwise(op: TensorOp): boolean {
  return op in elementwise;
}

/** Whether a node computes tensors from tensors: every node except reads, writes, calls and control flow. */
export function isTensorNode(node: Node): node is TensorNode {
  return isTensorOp(node.op);
}
