import { abs, save, type Tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { loadToy, reference } from '../support/toy.ts';
import { clean, corrupt, expectSteps, fact, parity } from './support.ts';

const lm = await loadToy();
const steer = reference.cases.generate.steer.data as number[];
const all = { maxNewTokens: 6, stopTokens: [] };
const cached = parity.generate_cached;

/** Adds the steering vector at the last position, in the step that is current. */
const add = (factor = 1) => {
  'use trace';
  lm.transformer.h[2].output[':, -1'] += steer.map((x) => x * factor);
};

describe('generate: greedy, token for token', () => {
  const { plain, steered } = reference.cases.generate;
  const prompt = reference.ids.fact as number[];

  it.each([true, false])('the reference without interventions (cache: %s)', async (useCache) => {
    const { sequences, tokens } = await lm.generate(fact, { maxNewTokens: 8, stopTokens: [], useCache });
    expect(Array.from(sequences.data, Number)).toEqual(plain);
    expect(tokens).toEqual([plain.slice(prompt.length)]);
  });

  it('the steered reference, which steers the last position alone and has no cache', async () => {
    const { sequences } = await lm.generate(fact, { maxNewTokens: 8, stopTokens: [], useCache: false }, (tracer) => {
      for (const _ of tracer.all()) add();
    });
    expect(Array.from(sequences.data, Number)).toEqual(steered);
  });

  it('with the cache every step goes on from what earlier steps were steered to', async () => {
    const { tokens, result } = await lm.generate(fact, all, (tracer) => {
      const logits = [];
      for (const _ of tracer.all()) {
        add();
        logits.push(save(lm.lm_head.output[':, -1']));
      }
      return logits;
    });
    expect(tokens).toEqual(cached.all.tokens);
    expectSteps(result, cached.all.logits);
  });

  it('the texts of the tokens', async () => {
    const { texts, tokens } = await lm.generate(fact, { maxNewTokens: 2, stopTokens: [] });
    expect(texts).toHaveLength(1);
    expect(texts[0]!.trim()).toContain(lm.tokenizer.id_to_token(tokens[0]![0]!)!);
  });
});

describe('generate: which steps', () => {
  it('all(), iter() and iter(0, null) are all steps', async () => {
    for (const steps of ['all', 'iter', 'range'] as const) {
      const { tokens, result } = await lm.generate(fact, all, (tracer) => {
        const seen = [];
        const logits = [];
        const steps_ = steps === 'all' ? tracer.all() : steps === 'iter' ? tracer.iter() : tracer.iter(0, null);
        for (const step of steps_) {
          seen.push(step);
          logits.push(save(lm.lm_head.output[':, -1']));
        }
        return { seen, logits };
      });
      expect(tokens).toEqual(cached.plain.tokens);
      expect(result.seen).toEqual([0, 1, 2, 3, 4, 5]);
      expectSteps(result.logits, cached.plain.logits);
    }
  });

  it('without a loop the block is about the first step', async () => {
    const { tokens } = await lm.generate(fact, all, () => add());
    expect(tokens).toEqual(cached.first.tokens);
  });

  it('one step: iter(0)', async () => {
    const { tokens } = await lm.generate(fact, all, (tracer) => {
      for (const _ of tracer.iter(0)) add();
    });
    expect(tokens).toEqual(cached.first.tokens);
  });

  it('a range: iter(2, 4)', async () => {
    const { tokens } = await lm.generate(fact, all, (tracer) => {
      for (const _ of tracer.iter(2, 4)) add();
    });
    expect(tokens).toEqual(cached.range.tokens);
  });

  it('some of them: iter([0, 2, 5])', async () => {
    const { tokens } = await lm.generate(fact, all, (tracer) => {
      for (const _ of tracer.iter([0, 2, 5])) add();
    });
    expect(tokens).toEqual(cached.sparse.tokens);
  });

  it('every second one: iter(0, null, 2)', async () => {
    const { result } = await lm.generate(fact, all, (tracer) => {
      const steps = [];
      for (const step of tracer.iter(0, null, 2)) steps.push(step);
      return steps;
    });
    expect(result).toEqual([0, 2, 4]);
  });

  it('an intervention that depends on the step', async () => {
    const { tokens } = await lm.generate(fact, all, (tracer) => {
      for (const step of tracer.all()) add(0.25 * step);
    });
    expect(tokens).toEqual(cached.growing.tokens);
  });

  it('a condition on a value of the step', async () => {
    const { tokens, result } = await lm.generate(fact, all, (tracer) => {
      const taken = [];
      for (const _ of tracer.all()) {
        let one = 0;
        if (lm.transformer.h[0].output.norm() > 0) {
          add();
          one = 1;
        }
        taken.push(save(one));
      }
      return taken;
    });
    expect(tokens).toEqual(cached.all.tokens);
    expect(result.map((one) => one.item())).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it('tracer.next() goes on step by step', async () => {
    const { tokens } = await lm.generate(fact, all, (tracer) => {
      add();
      tracer.next(2);
      add();
      tracer.next(3);
      add();
    });
    expect(tokens).toEqual(cached.sparse.tokens);
  });

  it("module.next() is that module's next step", async () => {
    const { result } = await lm.generate(fact, all, () => {
      const first = save(lm.lm_head.output[':, -1']);
      const second = save(lm.lm_head.next().output[':, -1']);
      const third = save(lm.lm_head.next().output[':, -1']);
      return { steps: [first, second, third], hidden: save(lm.transformer.h[0].output) };
    });
    expectSteps(result.steps, {
      dims: [3, 1, 189],
      data: cached.plain.logits.data.slice(0, 3 * 189),
    });
    // Other modules stay where they are.
    expect(result.hidden.dims).toEqual([1, 9, 128]);
  });

  it('after a loop over steps modules are those of its last step, in an invoke again those of the first', async () => {
    const { result } = await lm.generate(fact, all, (tracer) => {
      const first = save(lm.lm_head.output[':, -1']);
      for (const _ of tracer.iter(1, 4)) add(0);
      const last = save(lm.lm_head.output[':, -1']);
      const next = tracer.next();
      return { first, last, next, after: save(lm.lm_head.output[':, -1']) };
    });
    const size = 189;
    const step = (i: number) => cached.plain.logits.data.slice(i * size, (i + 1) * size);
    expectSteps([result.first], { dims: [1, 1, size], data: step(0) });
    expectSteps([result.last, result.after], { dims: [2, 1, size], data: [...step(3), ...step(4)] });
    expect(result.next).toBe(4);
    // A stop token ends it in the second step: the last step of the loop does not run.
    const { result: early } = await lm.generate(fact, { maxNewTokens: 6, stopTokens: [3] }, (tracer) => {
      let sum = lm.lm_head.output['0, -1'].argmax() * 0;
      for (const _ of tracer.iter()) sum += lm.lm_head.output['0, -1'].argmax();
      return { sum: save(sum), last: save(lm.lm_head.output) };
    });
    expect(early.sum.item()).toBe(99 + 3);
    expect(early.last).toBeUndefined();
    const { result: both } = await lm.generate({ maxNewTokens: 3, stopTokens: [] }, (tracer) =>
      [fact, fact].map((prompt) =>
        tracer.invoke(prompt, () => {
          const first = save(lm.lm_head.output[':, -1']);
          for (const _ of tracer.iter(1, 3)) add(0);
          return [first, save(lm.lm_head.output[':, -1'])];
        }),
      ),
    );
    for (const found of both) {
      expectSteps(found, { dims: [2, 1, size], data: [...step(0), ...step(2)] });
    }
  });

  it('the first step sees the prompt, the others one token each, from the cache', async () => {
    const { result } = await lm.generate(fact, { maxNewTokens: 3, stopTokens: [] }, (tracer) => {
      const lengths = [];
      for (const _ of tracer.all()) lengths.push(save(lm.transformer.h[0].output));
      return lengths;
    });
    expect(result.map(({ dims }) => dims[1])).toEqual([9, 1, 1]);
  });

  it('a value of one step is used in a later one', async () => {
    const { result } = await lm.generate(fact, all, (tracer) => {
      const first = lm.transformer.h[1].output['0, -1'];
      for (const _ of tracer.iter(3)) {
        lm.transformer.h[1].output[':, -1'] = first;
        return save(lm.transformer.h[1].output['0, -1'] - first);
      }
    });
    expect(Math.max(...(result as Tensor<'float32'>).data)).toBe(0);
  });

  it('the token embeddings of another prompt in the first step decide the rest', async () => {
    const embeddings = await lm.trace(clean, () => save(lm.transformer.wte.output));
    const { tokens } = await lm.generate(corrupt, { maxNewTokens: 4, stopTokens: [] }, () => {
      lm.transformer.wte.output = embeddings;
    });
    expect(tokens).toEqual(parity.generate_embeddings.generated.tokens);
  });

  it('skips a module at one step', async () => {
    const { result } = await lm.generate(fact, all, (tracer) => {
      const same = [];
      for (const step of tracer.iter(0, 3)) {
        if (step === 1) lm.transformer.h[2].skip(lm.transformer.h[2].input);
        same.push(save(abs(lm.transformer.h[2].output - lm.transformer.h[2].input).max()));
      }
      return same;
    });
    expect(result.map((one) => one.item() === 0)).toEqual([false, true, false]);
  });

  it('operations inside a module, at several steps', async () => {
    const { result } = await lm.generate(fact, all, (tracer) => {
      const patterns = [];
      for (const _ of tracer.iter([1, 4])) patterns.push(save(lm.transformer.h[1].attn.ops.Softmax.output));
      return patterns;
    });
    expect(result.map(({ dims }) => dims)).toEqual([
      [1, 4, 1, 10],
      [1, 4, 1, 13],
    ]);
  });
});
