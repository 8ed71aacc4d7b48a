import {
  add,
  backward,
  cat,
  type Loose,
  type NNsight,
  type RunStats,
  type StepTracer,
  save,
  sum,
  type Tensor,
} from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, loadToy, reference } from '../support/toy.ts';
import { clean, expectSteps, fact, france, loadSmall, parity } from './support.ts';

const lm = await loadToy();
const { plain } = reference.cases.generate as { plain: number[] };
const steer = reference.cases.generate.steer.data as number[];
const numbers = ({ data }: { readonly data: ArrayLike<number | bigint> }) => Array.from(data, Number);
const length = 9;
/** The end of the sequence as a stop token, after some new tokens. */
const stopping = (after: number) => ({ maxNewTokens: 6, stopTokens: [plain[length + after - 1]!] });

describe('a generation in a session', () => {
  it("gives PyTorch's tokens, which a later trace reads as its input", async () => {
    const { tokens, logits } = await lm.session((session) => {
      const { sequences } = session.generate(fact, { maxNewTokens: 5, stopTokens: [] });
      const logits = session.trace({ input_ids: sequences }, () => save(lm.lm_head.output['0, -2']));
      return { tokens: save(sequences), logits };
    });
    expect(tokens.dims).toEqual([1, length + 5]);
    expect(numbers(tokens)).toEqual(plain.slice(0, length + 5));
    const expected = await lm.trace([plain.slice(0, length + 5)], () => save(lm.lm_head.output['0, -2']));
    expectClose(logits, { dims: [...expected.dims], data: numbers(expected) });
    expect(numbers(logits).indexOf(Math.max(...numbers(logits)))).toBe(plain[length + 4]);
  });

  it('with a value of an earlier trace in its block, steered at chosen steps', async () => {
    const { logits, tokens } = await lm.session((session) => {
      const given = session.trace(clean, () => add(lm.transformer.h[0].output['0, 0'] * 0, steer));
      const { sequences, result } = session.generate({ maxNewTokens: 5, stopTokens: [] }, (tracer) => {
        tracer.invoke(fact, () => {
          for (const _ of tracer.iter(0, 3)) lm.transformer.h[2].output[':, -1'] += given;
        });
        tracer.invoke(france, () => {
          for (const _ of tracer.iter([1, 3])) lm.transformer.h[2].output[':, -1'] += given;
        });
        const logits = [];
        for (const _ of tracer.all()) logits.push(save(lm.lm_head.output[':, -1']));
        return logits;
      });
      return { logits: result, tokens: save(sequences[':, -5:']) };
    });
    expect(numbers(tokens)).toEqual(parity.generate_batch.steered.tokens.flat());
    expectSteps(logits, parity.generate_batch.steered.logits);
  });

  it('without the cache', async () => {
    const tokens = await lm.session((session) => {
      const { sequences } = session.generate(fact, { maxNewTokens: 3, stopTokens: [], useCache: false });
      return save(sequences);
    });
    expect(numbers(tokens)).toEqual(plain.slice(0, length + 3));
  });

  it('a prompt that an earlier trace or generation gives', async () => {
    const tokens = await lm.session((session) => {
      const ids = session.trace(fact, () => cat([lm.transformer.wte.input, lm.lm_head.output[':, -1:'].argmax(-1)], 1));
      const { sequences } = session.generate(ids, { maxNewTokens: 2, stopTokens: [] });
      return save(session.generate({ input_ids: sequences }, { maxNewTokens: 2, stopTokens: [] }).sequences);
    });
    expect(numbers(tokens)).toEqual(plain.slice(0, length + 5));
  });

  it('ends at a stop token: later steps are not there, as in a generation alone', async () => {
    const alone = await lm.generate(fact, stopping(3), (tracer) => {
      const norms = [];
      let steps = 0;
      for (const _ of tracer.iter()) {
        norms.push(save(lm.transformer.h[1].output.norm()));
        steps += 1;
      }
      return { norms, steps: save(steps) };
    });
    const inside = await lm.session((session) => {
      const { sequences, result } = session.generate(fact, stopping(3), (tracer) => {
        const norms = [];
        let steps = 0;
        for (const _ of tracer.iter()) {
          norms.push(save(lm.transformer.h[1].output.norm()));
          steps += 1;
        }
        return { norms, steps: save(steps) };
      });
      const twice = session.trace(clean, () => save(lm.transformer.h[0].output.sum() * 0 + result.steps * 2));
      return { result, twice, sequences: save(sequences), last: save(sequences['0, -1']) };
    });
    expect(numbers(inside.sequences)).toEqual(plain.slice(0, length + 3));
    expect(inside.sequences.toArray()).toEqual(alone.sequences.toArray());
    expect(inside.result.steps.item()).toBe(3);
    expect(inside.twice.item()).toBe(6);
    expect(inside.result.norms).toHaveLength(3);
    expect(inside.result.norms.map(numbers)).toEqual(alone.result.norms.map(numbers));
  });

  it('after a stop token no step runs, and what it would have given is absent, as in a generation alone', async () => {
    const { h } = lm.transformer;
    const blocks: ((tracer: StepTracer<unknown>) => unknown)[] = [
      (tracer: StepTracer<unknown>) => {
        'use trace';
        const all = [];
        for (const _ of tracer.iter()) all.push(h[1].output['0, -1, :4']);
        return all.map((one) => save(one * 2));
      },
      (tracer: StepTracer<unknown>) => {
        'use trace';
        let last = h[1].output['0, -1, :4'];
        let total = 0;
        for (const _ of tracer.iter()) {
          last = h[1].output['0, -1, :4'];
          if (last.norm() > 1) total += last.norm();
        }
        return { last: save(last), total: save(total) };
      },
      (tracer: StepTracer<unknown>) => {
        'use trace';
        const seen = [];
        for (const step of tracer.iter()) {
          if (step > 0) h[0].output *= 0.5;
          seen.push(save(tracer.apply(({ dims, data }: Tensor) => [dims[1]!, data[0]!], h[1].output, { dims: [2] })));
        }
        return { seen, all: save(tracer.result) };
      },
      (tracer: StepTracer<unknown>) => {
        'use trace';
        const seen = [];
        for (let step = 0; step < 6; step++) {
          seen.push(save(h[1].output['0, -1, :3']));
          if (step < 5) tracer.next();
        }
        return seen;
      },
      (tracer: StepTracer<unknown>) => {
        'use trace';
        return tracer.cache({ modules: [h[0]], positions: [-1] });
      },
    ];
    for (const block of blocks) {
      const { result } = await lm.generate(fact, stopping(3), block);
      const inside = await lm.session((session) => session.generate(fact, stopping(3), block).result);
      expect(JSON.stringify(inside)).toBe(JSON.stringify(result));
    }
    const dispatches: number[] = [];
    for (const options of [stopping(3), { maxNewTokens: 3, stopTokens: [] }]) {
      let count = 0;
      const onStats = (stats: RunStats) => {
        count += stats.dispatches.length;
      };
      await lm.session((session) => save(session.generate(fact, options).sequences), { onStats });
      dispatches.push(count);
    }
    expect(dispatches[0]).toBeGreaterThan(0);
    expect(dispatches[0]).toBe(dispatches[1]);
  });

  it('a value of a step after a stop token is absent in later traces, and cannot go into a model', async () => {
    const { h } = lm.transformer;
    const steps = (session: Parameters<Parameters<typeof lm.session>[0]>[0]) => {
      'use trace';
      return session.generate(fact, stopping(3), (tracer) => {
        let count = 0;
        const all = [];
        for (let step = 0; step < 6; step++) {
          all.push(h[1].output[':, -1:']);
          if (step < 5) tracer.next();
        }
        for (const _ of tracer.iter()) count += 1;
        return { all, count };
      }).result;
    };
    const read = await lm.session((session) => {
      const { all } = steps(session);
      return session.trace(clean, () => all.map((one) => save(one.sum() + h[0].output.sum() * 0)));
    });
    expect(read).toHaveLength(3);
    const asked = (number: number) =>
      lm.session((session) => {
        const { all, count } = steps(session);
        return session.trace(clean, () => {
          if (count > number) h[0].output[':, -1:'] += all[number];
          return save(lm.lm_head.output['0, -1']);
        });
      });
    const logits = await asked(4);
    expectClose(logits, reference.cases.modules.logits_last);
    expect(numbers(await asked(2))).not.toEqual(numbers(logits));
    await expect(
      lm.session((session) => {
        const { all } = steps(session);
        return session.trace(clean, () => {
          h[0].output[':, -1:'] += all[4];
          return save(lm.lm_head.output);
        });
      }),
    ).rejects.toThrow(/session-generation\.test\.ts:\d+:\d+ - A value of a step is used that did not run/);
  });

  it('draws what it draws alone, tells its tokens, and takes edits', async () => {
    const drawn = { maxNewTokens: 4, doSample: true, temperature: 1.5, seed: 7, stopTokens: [] };
    const alone = await lm.generate(fact, drawn);
    const told: string[] = [];
    const edited = lm.edit(() => {
      lm.transformer.h[2].output[':, -1'] += steer;
    });
    const steered = await edited.generate(fact, { maxNewTokens: 4, stopTokens: [] });
    const found = await lm.session((session) =>
      save(session.generate(fact, { ...drawn, onToken: ({ text }) => void told.push(text) }).sequences),
    );
    expect(numbers(found)).toEqual(numbers(alone.sequences));
    expect(told.join('').trim()).toBe(alone.texts[0]!.trim());
    const inside = await edited.session((session) =>
      save(session.generate(fact, { maxNewTokens: 4, stopTokens: [] }).sequences),
    );
    expect(numbers(inside)).toEqual(numbers(steered.sequences));
    expect(numbers(inside)).not.toEqual(plain.slice(0, length + 4));
  });

  it('stop() in its block ends it alone', async () => {
    const { sequences, later } = await lm.session((session) => {
      const { sequences } = session.generate(fact, { maxNewTokens: 5, stopTokens: [] }, (tracer) => {
        tracer.next();
        tracer.stop();
      });
      const later = session.trace(clean, () => save(lm.lm_head.output['0, -1']));
      return { sequences: save(sequences), later };
    });
    expect(numbers(sequences)).toEqual(plain.slice(0, length + 2));
    expectClose(later, reference.cases.modules.logits_last);
  });

  it('under a condition on what an earlier trace computes', async () => {
    for (const threshold of [1, 1e6]) {
      let tokens: Tensor | undefined;
      await lm.session((session) => {
        const norm = session.trace(fact, () => lm.transformer.h[0].output.norm());
        if (norm > threshold) tokens = save(session.generate(fact, { maxNewTokens: 2, stopTokens: [] }).sequences);
      });
      expect(tokens && numbers(tokens)).toEqual(threshold === 1 ? plain.slice(0, length + 2) : undefined);
    }
  });

  it('traces under a condition take values of one another', async () => {
    for (const threshold of [1, 1e6]) {
      let token: Tensor | undefined;
      await lm.session((session) => {
        const norm = session.trace(fact, () => lm.transformer.h[0].output.norm());
        if (norm > threshold) {
          const ids = session.trace(fact, () =>
            cat([lm.transformer.wte.input, lm.lm_head.output[':, -1:'].argmax(-1)], 1),
          );
          token = session.trace(ids, () => save(lm.lm_head.output['0, -1'].argmax()));
        }
      });
      expect(token && Number(token.item())).toBe(threshold === 1 ? plain[length + 1] : undefined);
    }
  });

  it('a gradient goes back through its key-value cache', async () => {
    const alone = await lm.generate(fact, { maxNewTokens: 2, stopTokens: [] }, (tracer) => {
      const { output } = lm.transformer.h[1];
      tracer.next();
      backward(lm.lm_head.output['0, -1, 5']);
      return save(output.grad);
    });
    const inside = await lm.session((session) => {
      const { result } = session.generate(fact, { maxNewTokens: 2, stopTokens: [] }, (tracer) => {
        const { output } = lm.transformer.h[1];
        tracer.next();
        backward(lm.lm_head.output['0, -1, 5']);
        return save(output.grad);
      });
      return result;
    });
    expect(Math.max(...numbers(inside).map(Math.abs))).toBeGreaterThan(1e-6);
    expectClose(inside, { dims: [...inside.dims], data: numbers(alone.result) });
  });

  it('is refused inside a trace, of a model that does not generate, and with a signal of its own', async () => {
    await expect(
      lm.session((session) => session.trace(clean, () => save(session.generate(fact).sequences))),
    ).rejects.toThrow(/session-generation\.test\.ts:\d+:\d+ - A generation stands inside a trace/);
    const mlp = (await loadSmall('zoo/mlp.ts')) as NNsight<Loose>;
    await expect(mlp.session((session) => save(session.generate([[0]]).sequences))).rejects.toThrow(
      /session-generation\.test\.ts:\d+:\d+ - Only a language model generates/,
    );
    const { signal } = new AbortController();
    await expect(lm.session((session) => save(session.generate(fact, { signal }).sequences))).rejects.toThrow(
      /session-generation\.test\.ts:\d+:\d+ - .*give the signal to the session/,
    );
  });
});

describe('tracer.result: what a generation gives, as a value of its block', () => {
  it('is read, computed with, and saved; in an invoke its rows', async () => {
    const { result, tokens } = await lm.generate(fact, { maxNewTokens: 5, stopTokens: [] }, (tracer) => {
      const all = save(tracer.result);
      let total = 0;
      for (const _ of tracer.iter(0, 2)) total += lm.lm_head.output['0, -1'].argmax();
      return { all, last: save(tracer.result['0, -1']), sum: save(sum(tracer.result[':, -5:'])), total: save(total) };
    });
    expect(numbers(result.all)).toEqual(plain.slice(0, length + 5));
    expect(Number(result.last.item())).toBe(plain[length + 4]);
    expect(Number(result.sum.item())).toBe(tokens[0]!.reduce((a, b) => a + b));
    expect(Number(result.total.item())).toBe(plain[length]! + plain[length + 1]!);
    const batch = await lm.generate({ maxNewTokens: 5, stopTokens: [] }, (tracer) => {
      tracer.invoke(fact, () => save(lm.lm_head.output));
      return tracer.invoke(france, () => save(tracer.result[':, -5:']));
    });
    expect(numbers(batch.result)).toEqual(parity.generate_batch.plain.tokens[1]);
  });

  it('ends where a stop token ends it', async () => {
    const { result } = await lm.generate(fact, stopping(3), (tracer) => save(tracer.result));
    expect(numbers(result)).toEqual(plain.slice(0, length + 3));
  });

  it('in a generation of a session', async () => {
    const found = await lm.session((session) => {
      const { result } = session.generate(fact, { maxNewTokens: 3, stopTokens: [] }, (tracer) => ({
        all: save(tracer.result),
        last: tracer.result['0, -1'],
      }));
      return {
        all: result.all,
        last: session.trace(clean, () => save(result.last + lm.transformer.wte.input['0, 0'] * 0)),
      };
    });
    expect(numbers(found.all)).toEqual(plain.slice(0, length + 3));
    expect(Number(found.last.item())).toBe(plain[length + 2]);
  });

  it('cannot go into one of its own steps, and a trace has none', async () => {
    const own = /session-generation\.test\.ts:\d+:\d+ - /;
    const once = { maxNewTokens: 2, stopTokens: [] };
    await expect(
      lm.generate(fact, once, (tracer) => {
        lm.transformer.h[0].output *= tracer.result['0, -1'];
        return save(lm.lm_head.output);
      }),
    ).rejects.toThrow(own);
    for (const step of [0, 1]) {
      await expect(
        lm.session((session) => {
          const { sequences } = session.generate(fact, once, (tracer) => {
            for (const _ of tracer.iter(step)) lm.lm_head.output *= tracer.result['0, -1'];
          });
          return save(sequences);
        }),
      ).rejects.toThrow(own);
      await expect(
        lm.session((session) => {
          const { sequences } = session.generate(fact, once, (tracer) => {
            for (const _ of tracer.iter(step)) lm.transformer.h[0].output *= tracer.result['0, -1'];
          });
          return save(sequences);
        }),
      ).rejects.toThrow(own);
    }
    await expect(lm.trace(clean, (tracer) => save((tracer as unknown as Loose).result))).rejects.toThrow(
      /session-generation\.test\.ts:\d+:\d+ - A trace is one forward pass and generates nothing/,
    );
  });
});
