import { save } from 'onnsight';
import { describe, expect, it, vi } from 'vitest';
import { expectClose, loadToy, reference } from '../support/toy.ts';
import { clean, corrupt, expectSteps, fact, france, parity } from './support.ts';

const lm = await loadToy();
const steer = reference.cases.generate.steer.data as number[];
const all = { maxNewTokens: 6, stopTokens: [] };
const _cached = parity.generate_cached;

/** Adds the steering vector at the last position, in the step that is current. */
const add = (factor = 1) => {
  'use trace';
  lm.transformer.h[2].output[':, -1'] += steer.map((x) => x * factor);
};

describe('generate: several prompts as one batch', () => {
  it('of different lengths, each with its own range of steps', async () => {
    const { tokens, result } = await lm.generate({ maxNewTokens: 5, stopTokens: [] }, (tracer) => {
      tracer.invoke(fact, () => {
        for (const _ of tracer.iter(0, 3)) add();
      });
      tracer.invoke(france, () => {
        for (const _ of tracer.iter([1, 3])) add();
      });
      const logits = [];
      for (const _ of tracer.all()) logits.push(save(lm.lm_head.output[':, -1']));
      return logits;
    });
    expect(tokens).toEqual(parity.generate_batch.steered.tokens);
    expectSteps(result, parity.generate_batch.steered.logits);
  });

  it('given as a list', async () => {
    const { tokens, sequences } = await lm.generate([fact, france], { maxNewTokens: 5, stopTokens: [] });
    expect(tokens).toEqual(parity.generate_batch.plain.tokens);
    expect(sequences.dims).toEqual([2, 14]);
  });

  it('each row is what it is alone', async () => {
    const together = await lm.generate([fact, france, clean], { maxNewTokens: 5, stopTokens: [] });
    for (const [i, prompt] of [fact, france, clean].entries()) {
      const alone = await lm.generate(prompt, { maxNewTokens: 5, stopTokens: [] });
      expect(together.tokens[i]).toEqual(alone.tokens[0]);
    }
  });

  it('values cross between the prompts', async () => {
    const { result } = await lm.generate({ maxNewTokens: 2, stopTokens: [] }, (tracer) => {
      const hidden = tracer.invoke(clean, () => lm.transformer.h[1].output[':, -1']);
      return tracer.invoke(corrupt, () => {
        lm.transformer.h[1].output[':, -1'] = hidden;
        return save(lm.lm_head.output['0, -1']);
      });
    });
    expectClose(result, parity.patch_across.corrupt);
  });
});

describe('generate: where it ends', () => {
  it("at the model's own stop token, and values of steps that did not run do not come back", async () => {
    const { tokens, result } = await lm.generate(fact, { maxNewTokens: 6 }, (tracer) => {
      const logits = [];
      for (const _ of tracer.all()) logits.push(save(lm.lm_head.output[':, -1']));
      return logits;
    });
    expect(tokens).toEqual([[99, 3, 0]]);
    expect(result).toHaveLength(3);
  });

  it('at a stop token of the user, row by row', async () => {
    const { tokens } = await lm.generate([fact, france], { maxNewTokens: 5, stopTokens: [49] });
    expect(tokens).toEqual([
      [99, 3, 0, 0, 0],
      [99, 3, 0, 49],
    ]);
  });

  it('a range past the end warns', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    try {
      await lm.generate(fact, { maxNewTokens: 2, stopTokens: [] }, (tracer) => {
        for (const _ of tracer.iter(0, 5)) add();
      });
      expect(warn).toHaveBeenCalledOnce();
      expect(String(warn.mock.calls[0])).toContain('iter(0, 5): the generation has 2 steps at most');
      await lm.generate(fact, { maxNewTokens: 2, stopTokens: [] }, (tracer) => {
        for (const _ of tracer.iter(2, null)) add();
      });
      expect(String(warn.mock.calls[1])).toContain('iter(2, null): the generation has 2 steps at most');
    } finally {
      warn.mockRestore();
    }
  });

  it('a value after an unbounded loop is that of the last step', async () => {
    const { result } = await lm.generate(fact, { maxNewTokens: 3, stopTokens: [] }, (tracer) => {
      for (const _ of tracer.all()) add();
      return save(lm.transformer.h[3].output);
    });
    expect(result.dims).toEqual([1, 1, 128]);
  });

  it('streams tokens as they come, in line with the values of their steps', async () => {
    const streamed: number[] = [];
    const { tokens, result } = await lm.generate(
      fact,
      { ...all, onToken: ({ id, step }) => streamed.push(id) && expect(step).toBe(streamed.length - 1) },
      (tracer) => {
        const predicted = [];
        for (const _ of tracer.all()) predicted.push(save(lm.lm_head.output['0, -1'].argmax()));
        return predicted;
      },
    );
    expect(streamed).toEqual(tokens[0]);
    expect(result.map((one) => Number(one.item()))).toEqual(streamed);
  });
});

describe('generate: drawing tokens', () => {
  const many = Array.from({ length: 400 }, () => fact);

  it.each([
    ['temperature', { temperature: 1.5 }],
    ['top_k', { temperature: 4, topK: 3 }],
    ['top_p', { temperature: 4, topP: 0.6 }],
  ])('with the probabilities that transformers has: %s', async (name, options) => {
    const { tokens } = await lm.generate(many, {
      maxNewTokens: 1,
      stopTokens: [],
      doSample: true,
      seed: 1,
      ...options,
    });
    const { data } = parity.sampling[name] as { data: number[] };
    const counts = data.map(() => 0);
    for (const [id] of tokens) counts[id!]!++;
    for (const [id, p] of data.entries()) {
      if (p === 0) expect(counts[id], `token ${id}`).toBe(0);
      // Five standard deviations.
      expect(Math.abs(counts[id]! - 400 * p), `token ${id}`).toBeLessThan(5 * Math.sqrt(400 * p * (1 - p)) + 1);
    }
  });

  it('the same seed draws the same tokens, another one others', async () => {
    const draw = async (seed: number) =>
      (await lm.generate(fact, { ...all, doSample: true, temperature: 3, seed })).tokens;
    expect(await draw(1)).toEqual(await draw(1));
    expect(await draw(1)).not.toEqual(await draw(2));
  });
});
