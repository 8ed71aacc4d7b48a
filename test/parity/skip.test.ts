import { add, save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, loadToy, reference } from '../support/toy.ts';
import { clean, difference, fact, france, parity } from './support.ts';

const lm = await loadToy();

describe('skip: a module is left out, with a given value as its output', () => {
  it('its input becomes its output', async () => {
    const logits = await lm.trace(clean, () => {
      lm.transformer.h[2].skip(lm.transformer.h[2].input);
      return save(lm.lm_head.output['0, -1']);
    });
    expectClose(logits, reference.cases.skip.logits_last);
  });

  it('an edit of the input of a skipped module changes nothing but the input', async () => {
    const { input, logits } = await lm.trace(clean, () => {
      const block = lm.transformer.h[2];
      block.skip(block.input);
      return { input: save(add(block.input, 1)), logits: save(lm.lm_head.output['0, -1']) };
    });
    expect(input.dims).toEqual([1, 15, 128]);
    expectClose(logits, reference.cases.skip.logits_last);
  });

  it('skips in a chain: what one passes on is skipped by the next', async () => {
    const { same } = await lm.trace(clean, () => {
      const { h } = lm.transformer;
      h[1].skip(h[0].output);
      h[2].skip(h[1].output);
      return { same: save(h[2].output - h[0].output) };
    });
    expect(Math.max(...(same.data as Float32Array))).toBe(0);
  });

  it('its inner modules can still be read: they run for whoever reads them', async () => {
    const { inner, logits } = await lm.trace(clean, () => {
      lm.transformer.h[2].skip(lm.transformer.h[2].input);
      return { inner: save(lm.transformer.h[2].mlp.output), logits: save(lm.lm_head.output['0, -1']) };
    });
    expectClose(logits, reference.cases.skip.logits_last);
    const plain = await lm.trace(clean, () => save(lm.transformer.h[2].mlp.output));
    expect(difference(inner, plain)).toBeLessThan(1e-5);
  });

  it('in one invoke alone', async () => {
    const logits = await lm.trace((tracer) => {
      tracer.invoke(fact, () => {
        lm.transformer.h[2].skip(lm.transformer.h[2].input);
      });
      tracer.invoke(france, () => {});
      return save(lm.lm_head.output[':, -1']);
    });
    expectClose(logits, parity.skip_first.logits);
  });

  it('a value that cannot be the output is an error at the line', async () => {
    const wrong = lm.trace(clean, () => {
      lm.transformer.h[2].skip(lm.lm_head.output);
      return save(lm.lm_head.output);
    });
    await expect(wrong).rejects.toThrow(/skip\.test\.ts:\d+:\d+ - transformer\.h\.2\.output has dims/);
  });
});
