import { TraceError } from '../errors.ts';
import { formatShape, type InterventionGraph } from '../graph/graph.ts';
import { formatSite, siteOf } from '../graph/site.ts';
import type { Shape } from '../graph/types.ts';
import { tensorName } from '../lowering/dependencies.ts';
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
 * @param own whether the graph ran here, so that other sizes come of what the block sets: a TraceError
 */
export function checkAnswer(
  graph: InterventionGraph,
  answer: unknown,
  { sizes = true, own = false }: { readonly sizes?: boolean; readonly own?: boolean } = {},
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
    const resizing = own && dtype === type.dtype ? resized(graph, type.shape!, dims) : null;
    if (resizing) throw resizing;
    throw new AnswerError(
      `The answer for ${name} is ${dtype}${formatShape(dims)}, but the trace saves ${type.dtype}${formatShape(type.shape)}.`,
    );
  });
}

/** The error for a block that sets what the model takes sizes from; null for one that sets nothing. */
function resized({ root }: InterventionGraph, shape: Shape, dims: readonly number[]): TraceError | null {
  const writes = root.nodes.filter((node) => node.op === 'write');
  if (writes.length === 0) return null;
  const told = writes.map((node) => {
    const [name, site] = [tensorName(node.attributes), siteOf(node)];
    return site ? `${name} (${formatSite(site)})` : name;
  });
  return new TraceError(
    `What is saved has the dims ${formatShape(dims)} in place of ${formatShape(shape)}: the model takes sizes from what the block sets, ${told.join(', ')}. Sizes are those of the inputs: give the model others, or set what has no part in them.`,
    siteOf(writes[0]!),
  );
}
