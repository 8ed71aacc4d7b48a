import { TraceError } from '../errors.ts';
import { ort } from '../ort/ort.ts';
import type { SessionTensor } from '../ort/port.ts';
import { Tensor } from '../tensor/tensor.ts';
import { toTensor as toUser } from './session-tensors.ts';
import type { TapedCall } from './tape.ts';

/**
 * Calls the derivative of a function given to apply: the gradients by what the function was given, in order; null for those
 * that have none. Throws a TraceError at the line that applied it.
 */
export async function callBackward(
  { node, backward, tensors, isDerivative }: TapedCall,
  gradient: SessionTensor,
): Promise<(SessionTensor | null)[]> {
  if (isDerivative) {
    throw new TraceError(
      'The gradient of a gradient has to pass through the backward given to apply, which is code and has no derivative. detach() what apply gives, or the gradient.',
      node.site,
    );
  }
  if (!backward) {
    throw new TraceError(
      'A gradient has to pass through this function, which is code. Give its derivative: tracer.apply(fn, x, { backward: (gradient, x) => … }), or detach() what it gives.',
      node.site,
    );
  }
  let result: unknown;
  try {
    // What the function gets is the user's.
    result = await backward(toUser(ort.copy(gradient)), ...tensors);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TraceError(`The backward given to apply threw: ${reason}`, node.site, { cause: error });
  }
  // Of one tensor the gradient itself will do, also as an array of numbers.
  const isList = Array.isArray(result) && (tensors.length !== 1 || result.some((one) => one instanceof Tensor));
  const gradients = isList ? (result as unknown[]) : [result];
  if (gradients.length !== tensors.length) {
    throw new TraceError(
      `The backward given to apply returned ${gradients.length} gradients for ${tensors.length} tensors. It returns one for each, undefined for a tensor that has none.`,
      node.site,
    );
  }
  return gradients.map((one: unknown, i) =>
    one === undefined || one === null ? null : fitted(one, tensors[i]!, node),
  );
}

function fitted(value: unknown, { dtype, dims }: Tensor, { site }: TapedCall['node']): SessionTensor {
  const tensor = toTensor(value, dtype, site);
  if (tensor.dtype !== dtype || tensor.dims.join() !== dims.join()) {
    throw new TraceError(
      `The backward given to apply returned a gradient of ${tensor.dtype}[${tensor.dims.join(', ')}] for a tensor of ${dtype}[${dims.join(', ')}]. A gradient has the dtype and the dims of its tensor.`,
      site,
    );
  }
  return ort.tensor(tensor.dtype, tensor.dims, tensor.raw);
}

function toTensor(value: unknown, dtype: string, site: TapedCall['node']['site']): Tensor {
  if (value instanceof Tensor) return value;
  try {
    return Tensor.from(value as number[], dtype as 'float32');
  } catch (error) {
    throw new TraceError(
      `The backward given to apply returned a value of type ${typeof value}, not a tensor. Return a Tensor, a number or an array of numbers for each tensor, undefined for one that has no gradient.`,
      site,
      { cause: error },
    );
  }
}
