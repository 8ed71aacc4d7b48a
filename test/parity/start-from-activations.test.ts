import { InputError, save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { loadToy, maxDifference, reference } from '../support/toy.ts';

const lm = await loadToy();
const { clean } = reference.prompts;

/** Starting in the middle: what comes before the given activations does not run. */
describe('trace({ "module.output": tensor })', () => {
  it('gives what the whole run gives', async () => {
    const whole = await lm.trace(clean, () => ({
      hidden: save(lm.transformer.h[1].output),
      logits: save(lm.lm_head.output),
    }));
    const rest = await lm.trace({ 'transformer.h.1.output': whole.hidden }, () => save(lm.lm_head.output));
    expect(maxDifference(Array.from(rest.data), Array.from(whole.logits.data))).toBeLessThan(1e-4);
  });

  it('needs the inputs for what does not come after them', async () => {
    const hidden = await lm.trace(clean, () => save(lm.transformer.h[1].output));
    const early = lm.trace({ 'transformer.h.1.output': hidden }, () => save(lm.transformer.h[0].output));
    await expect(early).rejects.toThrow(InputError);
    await expect(early).rejects.toThrow(/The input 'input_ids' is left out, but something that is saved depends on it/);
  });
});
