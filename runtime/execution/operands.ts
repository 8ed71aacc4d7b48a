import type { InterventionGraph } from '../graph/graph.ts';
import type { NodeOf, Value } from '../graph/types.ts';
import { Tensor } from '../tensor/tensor.ts';

/** The data of a value that is an operand of a graph. */
export function operandTensor({ node, type }: Value, { operands }: InterventionGraph): Tensor | undefined {
  const operand = node?.op === 'operand' ? operands.get(node) : undefined;
  return operand && new Tensor(type.dtype as 'float32', operand.dims, operand.data as Float32Array<ArrayBuffer>);
}

/** Gives an operand of a graph its data. */
export function setOperand(graph: InterventionGraph, operand: NodeOf<'operand'>, { dims, raw }: Tensor): void {
  graph.operands.set(operand, { dims, data: raw });
}
