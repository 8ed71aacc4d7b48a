import { save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, loadToy, reference } from '../support/toy.ts';
import { difference, fact, france, prompts } from './support.ts';

const lm = await loadToy();
const { ids } = reference.cases.batch as { ids: number[][] };

/** Prompts of different lengths, padded on the left: each gives what it gives alone. */
describe('batching of prompts', () => {
  it('logits of the reference, prompt by prompt', async () => {
    const logits = await lm.trace(prompts, () => save(lm.lm_head.output[':, -1']));
    const expected = reference.cases.batch.logits_last as { data: number[] }[];
    expectClose(logits, { dims: [3, 189], data: expected.flatMap(({ data }) => data) });
  });

  it('one text, a list of texts, and invokes agree', async () => {
    const list = await lm.trace([fact, france], () => save(lm.lm_head.output[':, -1']));
    const split = await lm.trace((tracer) => {
      tracer.invoke(fact, () => {});
      tracer.invoke([france], () => {});
      return tracer.invoke(() => save(lm.lm_head.output[':, -1']));
    });
    expect(difference(list, split)).toBeLessThan(1e-5);
  });

  it('token ids without a mask, and with one', async () => {
    const [first] = ids as [number[]];
    const bare = await lm.trace([first], () => save(lm.lm_head.output['0, -1']));
    expectClose(bare, reference.cases.batch.logits_last[0]);
    const masked = await lm.trace(
      { input_ids: [[5, 7, ...first]], attention_mask: [[0, 0, ...first.map(() => 1)]] },
      () => save(lm.lm_head.output['0, -1']),
    );
    expectClose(masked, reference.cases.batch.logits_last[0]);
  });

  it('inputs by name in one invoke, a text in the other', async () => {
    const logits = await lm.trace((tracer) => [
      tracer.invoke({ input_ids: [ids[0]!] }, () => save(lm.lm_head.output['0, -1'])),
      tracer.invoke(prompts[1]!, () => save(lm.lm_head.output['0, -1'])),
    ]);
    for (const [i, one] of logits.entries()) expectClose(one, reference.cases.batch.logits_last[i]);
  });
});
