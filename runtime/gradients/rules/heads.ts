import type { Emitter } from '../emitter.ts';

/** [batch, places, heads · size] as [batch, heads, places, size]. */
export function heads(emit: Emitter, tensor: string, count: number): string {
  const apart = emit.flow(tensor, 0, 0, count, -1);
  const dims = emit.dims(tensor);
  const whole = dims?.[2];
  if (dims && typeof whole === 'number') emit.facts.setDims(apart, [dims[0]!, dims[1]!, count, whole / count]);
  return emit.transpose(apart, [0, 2, 1, 3]);
}

/** [batch, heads, places, size] as [batch, places, heads · size]. */
export function joined(emit: Emitter, tensor: string): string {
  const side = emit.transpose(tensor, [0, 2, 1, 3]);
  const joint = emit.flow(side, 0, 0, -1);
  const dims = emit.dims(side);
  const [count, size] = dims?.slice(2) ?? [];
  if (typeof count === 'number' && typeof size === 'number') {
    emit.facts.setDims(joint, [dims![0]!, dims![1]!, count * size]);
  }
  return joint;
}

/** Each of the heads of [batch, heads, places, size] so many times. */
export function repeated(emit: Emitter, tensor: string, heads: number, times: number): string {
  if (times === 1) return tensor;
  const apart = emit.node('Expand', [emit.unsqueeze(tensor, 2), emit.ints(1, 1, times, 1, 1)]);
  const shape = emit.join(emit.size(tensor, 0), emit.ints(heads * times), emit.sizes(tensor, 2));
  return emit.reshape(apart, shape);
}
