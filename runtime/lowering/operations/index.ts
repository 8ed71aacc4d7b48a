import type { AttributesOf, TensorOp } from '../../graph/ops.ts';
import type { TensorType } from '../../graph/types.ts';
import type { Emitter, Lowerings } from '../emitter.ts';
import { creation } from './creation.ts';
import { elementwise } from './elementwise.ts';
import { indexingByItems } from './getitem.ts';
import { indexing } from './indexing.ts';
import { linalg } from './linalg.ts';
import { normalisation } from './normalisation.ts';
import type { Operand } from './operand.ts';
import { reductions } from './reductions.ts';
import { assignment } from './setitem.ts';
import { shapes } from './shapes.ts';
import { sorting } from './sorting.ts';

/** How every operation on tensors is written in ONNX. */
export const lowerings: Lowerings<TensorOp> = {
  ...elementwise,
  ...reductions,
  ...normalisation,
  ...shapes,
  ...indexing,
  ...indexingByItems,
  ...assignment,
  ...sorting,
  ...linalg,
  ...creation,
};

/** Writes an operation as ONNX nodes and returns the names of its outputs. */
export function lowerOperation<O extends TensorOp>(
  op: O,
  emitter: Emitter,
  inputs: readonly Operand[],
  attributes: AttributesOf<O>,
  outputs: readonly TensorType[],
): readonly string[] {
  return lowerings[op](emitter, inputs, attributes, outputs);
}
