import type { AttributesOf, TensorOp } from '../../graph/ops.ts';
import type { TensorType } from '../../graph/types.ts';
import type { Emitter, Lowerings } from '../emitter.ts';
import { creation } from './creation.ts';
import { elementwise } from './elementwise.ts';
import { indexingByItems } from './getitem.ts';
import { indexing } from './indexing.ts';
import { castTo } from './kernels.ts';
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

/** Operations that give the numbers of their operands as they are. */
const MOVES: ReadonlySet<TensorOp> = new Set<TensorOp>([
  'cast',
  'detach',
  'reshape',
  'expand',
  'permute',
  'unsqueeze',
  'squeeze',
  'flatten',
  'split',
  'cat',
  'shape',
  'numel',
  'gather',
  'indexSelect',
  'getitem',
]);

/**
 * Writes an operation as ONNX nodes and returns the names of its outputs.
 *
 * Operations compute halves in float32, and round: ONNX Runtime does so, too, but of neighbours that it computes in float32
 * only the last one rounds, unless the conversions stand in the graph.
 */
export function lowerOperation<O extends TensorOp>(
  op: O,
  emitter: Emitter,
  inputs: readonly Operand[],
  attributes: AttributesOf<O>,
  outputs: readonly TensorType[],
): readonly string[] {
  if (MOVES.has(op)) return lowerings[op](emitter, inputs, attributes, outputs);
  const wide = inputs.map((x) => ({ name: castTo(emitter, x, wider(x.type).dtype), type: wider(x.type) }));
  const names = lowerings[op](emitter, wide, attributes, outputs.map(wider));
  return names.map((name, i) => castTo(emitter, { name, type: wider(outputs[i]!) }, outputs[i]!.dtype));
}

function wider(type: TensorType): TensorType {
  return type.dtype === 'float16' ? { ...type, dtype: 'float32' } : type;
}
