import type { Tensor } from 'onnxruntime-node';
import { bitsOfHalves } from '../../tensor/storage.ts';

/**
 * What a session of onnxruntime-node is given. Where the engine has a `Float16Array`, its tensors hold halves in one, which its
 * own sessions cannot read: they get the bits.
 */
export function readable(feeds: Readonly<Record<string, unknown>>): Record<string, Tensor> {
  const tensors = feeds as Record<string, Tensor>;
  if (!Object.values(tensors).some(({ type }) => type === 'float16')) return tensors;
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => {
      if (tensor.type !== 'float16') return [name, tensor];
      return [
        name,
        Object.create(tensor, { data: { value: bitsOfHalves(tensor.data as Uint16Array<ArrayBuffer>) } }) as Tensor,
      ];
    }),
  );
}
