import { formatShape, type InterventionGraph } from '../graph/graph.ts';
import { Tensor } from '../tensor/tensor.ts';

/** An answer to a trace is not one. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';

  get code(): string {
    return 'ONN2006';
  }
}

/**
 * The tensors that a backend gave for a graph's saves. Throws an AnswerError if they are not what the graph saves.
 * @param sizes whether their sizes are compared, too
 */
export function checkAnswer(
  graph: InterventionGraph,
  answer: unknown,
  { sizes = true }: { readonly sizes?: boolean } = {},
): readonly (Tensor | undefined)[] {
  if (!Array.isArray(answer)) throw new AnswerError('The answer to the trace is not an array of tensors.');
  if (answer.length !== graph.saves.length) {
    throw new AnswerError(`The trace saves ${graph.saves.length} tensors, but the answer has ${answer.length}.`);
  }
  return graph.saves.map(({ name, value: { type } }, i): Tensor | undefined => {
    const tensor: unknown = answer[i];
    if (tensor === undefined) return undefined;
    if (!(tensor instanceof Tensor)) throw new AnswerError(`The answer for ${name} is not a tensor.`);
    const { dtype, dims } = tensor;
    const fits =
      !sizes ||
      !type.shape ||
      (type.shape.length === dims.length && type.shape.every((dim, k) => dim === null || dim === dims[k]));
    if (dtype === type.dtype && fits) return tensor as Tensor;
    throw new AnswerError(
      `The answer for ${name} is ${dtype}${formatShape(dims)}, but the trace saves ${type.dtype}${formatShape(type.shape)}.`,
    );
  });
}
