import type { InterventionGraph } from '../graph/graph.ts';
import type { NodeOf, Shape, Value } from '../graph/types.ts';
import { Tensor } from '../tensor/tensor.ts';

/** The data of a value that is an operand of a graph. */
export function operandTensor({ node, type }: Value, { operands }: InterventionGraph): Tensor | undefined {
  const operand = node?.op === 'operand' ? operands.get(node) : undefined;
  return operand && new Tensor(type.dtype as 'float32', operand.dims, operand.data as Float32Array<ArrayBuffer>);
}

/**
 * Gives an operand of a graph its data. What stands for a tensor of a branch of the model that did not run has no elements,
 * and gets the number of dimensions that the graph expects.
 */
export function setOperand(graph: InterventionGraph, operand: NodeOf<'operand'>, tensor: Tensor): void {
  const { dims, raw } = fitted(tensor, operand.outputs[0]!.type.shape);
  graph.operands.set(operand, { dims, data: raw });
}

function fitted(tensor: Tensor, shape: Shape): Tensor {
  const { dtype, dims } = tensor;
  if (shape === null || shape.length === dims.length || !dims.includes(0)) return tensor;
  return shape.length === 0 ? Tensor.from(0, dtype) : Tensor.from([], dtype, Array(shape.length).fill(0));
}
