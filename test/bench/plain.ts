import { type Device, Tensor } from 'onnsight';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { cacheNames } from './model/graph.ts';
import type { Sizes } from './model/sizes.ts';

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

/**
 * Chooses the likeliest token again and again, with the cache, as a program over plain ONNX Runtime does: the tokens, and
 * the logits that each was chosen by.
 */
export async function decodeByHand(
  session: InferenceSession,
  { layers, width, heads }: Sizes,
  prompt: readonly number[],
  count: number,
): Promise<{ tokens: number[]; logits: Float32Array[] }> {
  const names = Array.from({ length: layers }, (_, i) => [cacheNames(i, 'key'), cacheNames(i, 'value')]).flat();
  const empty = new OrtTensor('float32', new Float32Array(0), [1, heads, 0, width / heads]);
  let cache: Record<string, OrtTensor> = Object.fromEntries(names.map(({ past }) => [past, empty]));
  let ids: readonly number[] = prompt;
  const tokens: number[] = [];
  const chosen: Float32Array[] = [];
  while (tokens.length < count) {
    const results = await session.run({
      input_ids: new OrtTensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]),
      attention_mask: mask(prompt.length + tokens.length),
      ...cache,
    });
    cache = Object.fromEntries(names.map(({ past, present }) => [past, results[present]!]));
    const { data, dims } = results.logits as OrtTensor & { data: Float32Array };
    const last = data.subarray((dims[1]! - 1) * dims[2]!);
    let best = 0;
    for (let i = 1; i < last.length; i++) if (last[i]! > last[best]!) best = i;
    tokens.push(best);
    chosen.push(last);
    ids = [best];
  }
  return { tokens, logits: chosen };
}

function mask(length: number): OrtTensor {
  return new OrtTensor('int64', new BigInt64Array(length).fill(1n), [1, length]);
}
