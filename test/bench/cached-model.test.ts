import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, expect, test } from 'vitest';
import { gpt2Model } from './model/gpt2-model.ts';
import { decodeByHand } from './plain.ts';

const cache = mkdtempSync(join(tmpdir(), 'bench-'));
process.env.XDG_CACHE_HOME = cache;
afterAll(() => rmSync(cache, { recursive: true, force: true }));

test('the bench’s model with a cache gives token by token what the one without gives of all tokens', async () => {
  const sizes = { layers: 2, width: 16, heads: 2, vocabulary: 32, positions: 16 };
  const { path, cached } = gpt2Model(sizes);
  const [whole, stepwise] = [await InferenceSession.create(path), await InferenceSession.create(cached)];
  const prompt = [3, 1, 4, 1, 5];
  const { tokens, logits } = await decodeByHand(stepwise, sizes, prompt, 6);
  const ids = BigInt64Array.from([...prompt, ...tokens.slice(0, -1)], BigInt);
  const dims = [1, ids.length];
  const feeds = {
    input_ids: new Tensor('int64', ids, dims),
    attention_mask: new Tensor(
      'int64',
      ids.map(() => 1n),
      dims,
    ),
  };
  const expected = (await whole.run(feeds)).logits!.data as Float32Array;
  const rows = logits.map((row, i) => [...row].map((value, j) => value - expected[(prompt.length - 1 + i) * 32 + j]!));
  expect(Math.max(...rows.flat().map(Math.abs))).toBeLessThan(1e-5);
});
