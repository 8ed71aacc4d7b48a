import { InferenceSession, Tensor } from 'onnxruntime-node';

/** Greedy decoding by a loop of our own over plain ONNX Runtime, for files whose rounded weights have tokens of their own. */
export async function decodeByHand(
  path: string,
  prompt: readonly number[],
  steps: number,
  { useCache, headSize }: { readonly useCache: boolean; readonly headSize: number },
): Promise<number[]> {
  const session = await InferenceSession.create(path);
  const made: number[] = [];
  let past = emptyCaches(session, headSize);
  let fed = 0;
  for (let step = 0; step < steps; step++) {
    const ids = [...prompt, ...made];
    const given = useCache ? ids.slice(fed) : ids;
    const positions = given.map((_, i) => i + ids.length - given.length);
    const feeds: Record<string, Tensor> = { ...past };
    const put = (name: string, values: readonly number[]) => {
      if (!session.inputNames.includes(name)) return;
      feeds[name] = new Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length]);
    };
    put('input_ids', given);
    put(
      'attention_mask',
      ids.map(() => 1),
    );
    put('position_ids', positions);
    if (session.inputNames.includes('use_cache_branch')) {
      feeds.use_cache_branch = new Tensor('bool', [useCache && step > 0]);
    }
    const results = await session.run(feeds);
    made.push(best(results.logits!));
    fed = ids.length;
    if (!useCache) continue;
    past = Object.fromEntries(
      Object.keys(past).map((name) => [name, results[name.replace('past_key_values', 'present')]!]),
    );
  }
  await session.release();
  return made;
}

function emptyCaches({ inputMetadata }: InferenceSession, headSize: number): Record<string, Tensor> {
  return Object.fromEntries(
    inputMetadata.flatMap((input) => {
      if (!input.isTensor || !input.name.startsWith('past_key_values')) return [];
      // Batch, heads, length, size of a head: some files have names for all sizes but that of heads.
      const dims = input.shape.map((size, i) => (typeof size === 'number' ? size : [1, 0, 0, headSize][i]!));
      return [
        [input.name, new Tensor(input.type, input.type === 'float16' ? new Uint16Array() : new Float32Array(), dims)],
      ];
    }),
  );
}

/** The token of the largest logit at the last position. */
function best({ data, dims, type }: Tensor): number {
  const last = Array.from(data as Float32Array | Uint16Array).slice(-dims.at(-1)!);
  // Half precision comes as bits, which are in order but for their sign.
  const logits = type === 'float16' ? last.map((bits) => (bits & 0x8000 ? -(bits & 0x7fff) : bits)) : last;
  return logits.indexOf(Math.max(...logits));
}
