import { TraceError } from '../errors.ts';
import type { Node } from '../graph/types.ts';
import { type AnyTensor, Tensor } from '../tensor/tensor.ts';
import type { BackwardFunction } from './tape.ts';

/** A function of the user that runs on real tensors in the middle of a forward. It may be asynchronous. */
export interface HostFunction {
  readonly run: (...tensors: Tensor[]) => unknown;
  /** Its derivative; null where the user gave none. */
  readonly backward: BackwardFunction | null;
  /** What it gives in place of being called, where the forward whose values it takes did not run. */
  readonly unreached?: () => AnyTensor;
}

/** Calls a user's function and checks what it gives. Throws a TraceError at the line that applied it. */
export async function callFunction({ run }: HostFunction, node: Node, tensors: readonly Tensor[]): Promise<Tensor> {
  const { type } = node.outputs[0]!;
  const name = run.name ? `The function ${run.name}` : 'The function';
  let result: unknown;
  try {
    result = await run(...tensors);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TraceError(`${name} given to apply threw: ${reason}`, node.site, { cause: error });
  }
  const tensor = toTensor(result, type.dtype, name, node);
  const fits =
    !type.shape ||
    (type.shape.length === tensor.dims.length && type.shape.every((dim, i) => dim === null || dim === tensor.dims[i]));
  if (tensor.dtype !== type.dtype || !fits) {
    throw new TraceError(
      `${name} given to apply returned a tensor of ${tensor.dtype}[${tensor.dims.join(', ')}], but ${type.dtype}[${type.shape?.map((dim) => dim ?? '?').join(', ') ?? '?'}] is expected. Say what it returns: tracer.apply(fn, …tensors, { dtype, dims }).`,
      node.site,
    );
  }
  return tensor;
}

function toTensor(result: unknown, dtype: string, name: string, { site }: Node): Tensor {
  if (result instanceof Tensor) return result;
  try {
    return Tensor.from(result as number[], dtype as 'float32');
  } catch (error) {
    throw new TraceError(
      `${name} given to apply returned ${result === undefined ? 'nothing' : `a value of type ${typeof result}`}, not a tensor. Return a Tensor, a number or an array of numbers.`,
      site,
      { cause: error },
    );
  }
}
