import { type Device, Tensor } from 'onnsight';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';

/** A plain session with ONNX Runtime's defaults, as a user's own would be. */
export function open(path: string, device: Device = 'cpu'): Promise<InferenceSession> {
  return InferenceSession.create(path, { executionProviders: [device] });
}

/** Token ids and a mask without padding, for this library and for a plain session. Another `start` changes every id. */
export function tokens(batch: number, length: number, vocabulary: number, start = 13) {
  const dims = [batch, length];
  const ids = BigInt64Array.from({ length: batch * length }, (_, i) => BigInt((i * 7919 + start) % vocabulary));
  const ones = new BigInt64Array(ids.length).fill(1n);
  return {
    ours: { input_ids: new Tensor('int64', dims, ids), attention_mask: new Tensor('int64', dims, ones) },
    plain: { input_ids: new OrtTensor('int64', ids, dims), attention_mask: new OrtTensor('int64', ones, dims) },
  };
}

/** Throws unless two tensors are equal to 1e-5: wrong results are not measured. */
export function mustAgree(what: string, ours: Tensor, plain: OrtTensor): void {
  const expected = plain.data as Float32Array;
  const same = `${ours.dims}` === `${plain.dims}` && ours.data.every((value, i) => close(value, expected[i]!));
  if (!same) throw new Error(`${what}: the result is not that of plain ONNX Runtime`);
}

const close = (value: number, expected: number) => Math.abs(value - expected) <= 1e-5 * Math.max(1, Math.abs(expected));
