/** A block that runs again and reads some rows alone: what narrows it is found out once, with the tensors of each run. */
import { LanguageModel, rand, save, Tensor } from 'onnsight';
import { expect, it, vi } from 'vitest';
import { KnownBlocks } from '../../runtime/api/known-blocks.ts';
import { loadToy, maxDifference, TOY } from '../support/toy.ts';

const PROMPT = 'The capital of France is';
const lm = await loadToy();
const numbers = (tensor: unknown) => Array.from((tensor as Tensor).data as ArrayLike<number>);

it('gives what a model gives that reads all rows', async () => {
  const find = vi.spyOn(KnownBlocks.prototype, 'find');
  const whole = await LanguageModel.load(TOY, { device: 'cpu', segmentation: 'off' });
  for (const by of [1, 2, -3]) {
    const steer = (await rand(128)) as unknown as Tensor;
    const other = new Tensor('float32', [1], Float32Array.of(by));
    const { row, last } = await lm.trace(PROMPT, () => {
      lm.transformer.h[1].output = lm.transformer.h[1].output.add(steer);
      const logits = lm.lm_head.output['0, -1'];
      return {
        row: save(logits.mul(other)),
        last: save(lm.lm_head(lm.transformer.ln_f(lm.transformer.h[0].output))['0, -1']),
      };
    });
    const { logits, lens } = await whole.trace(PROMPT, () => {
      whole.transformer.h[1].output = whole.transformer.h[1].output.add(steer);
      return {
        logits: save(whole.lm_head.output),
        lens: save(whole.lm_head(whole.transformer.ln_f(whole.transformer.h[0].output))),
      };
    });
    const scaled = numbers((logits as Tensor)['0, -1']).map((x) => x * by);
    expect(maxDifference(numbers(row), scaled)).toBeLessThan(1e-4);
    expect(maxDifference(numbers(last), numbers((lens as Tensor)['0, -1']))).toBeLessThan(1e-4);
  }
  const mine = find.mock.results.filter((_, i) => i % 2 === 0);
  expect(mine.map(({ value }) => value !== null)).toEqual([false, true, true]);
});
