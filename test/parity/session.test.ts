import { add, mul, type Saved, save, Tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, loadToy, reference } from '../support/toy.ts';
import { clean, corrupt, difference, fact, france, loadSmall, parity } from './support.ts';

const lm = await loadToy();
const mlp = await loadSmall('zoo/mlp.ts');
const x = { x: [[0.1, 0.2, 0.3, 0.4, 0.5]] };

describe('session: several traces that run as one', () => {
  it('values of one trace are used in those that follow, without being saved', async () => {
    const { b, logits } = await lm.session((session) => {
      const a = session.trace(fact, () => lm.transformer.h[0].output['0, -1']);
      const b = session.trace(clean, () => {
        lm.transformer.h[1].output[':, -1'] = a;
        return lm.transformer.h[2].output['0, -1'];
      });
      const logits = session.trace(corrupt, () => {
        lm.transformer.h[3].output[':, -1'] += b;
        return save(lm.lm_head.output['0, -1']);
      });
      return { b: save(b), logits };
    });
    expectClose(b, parity.session_chain.b);
    expectClose(logits, parity.session_chain.logits);
  });

  it('what a later trace writes into a saved value in place is in it, as in PyTorch', async () => {
    const { a, b, plain } = await lm.session((session) => {
      const plain = session.trace(fact, () => save(lm.transformer.h[0].output['0, -1'].clone()));
      const a = session.trace(fact, () => save(lm.transformer.h[0].output['0, -1']));
      const b = session.trace(clean, () => {
        a['2'] = 5;
        lm.transformer.h[1].output[':, -1'] = a;
        return save(lm.transformer.h[1].output['0, -1']);
      });
      return { a, b, plain };
    });
    const wanted = Array.from(plain.data);
    expect(wanted[2]).not.toBe(5);
    wanted[2] = 5;
    expect(Array.from(a.data)).toEqual(wanted);
    expect(Array.from(b.data)).toEqual(wanted);
  });

  it('a value of one trace is what a later one starts from', async () => {
    const logits = await lm.session((session) => {
      const hidden = session.trace(clean, () => lm.transformer.h[1].output);
      const input_ids = reference.ids.corrupt as number[];
      const start = { input_ids: [input_ids], 'transformer.h.1.output': hidden };
      return session.trace(start as never, () => save(lm.lm_head.output['0, -1']));
    });
    // What corrupt gives from the hidden states of clean is what clean gives.
    expectClose(logits, reference.cases.modules.logits_last);
  });

  it('plain operations between traces are part of it', async () => {
    const { mean, again } = await lm.session((session) => {
      const a = session.trace(fact, () => lm.transformer.h[1].output['0, -1']);
      const b = session.trace(france, () => lm.transformer.h[1].output['0, -1']);
      const mean = (a + b) / 2;
      const again = session.trace(fact, () => {
        lm.transformer.h[1].output[':, -1'] = mean * 2 - b;
        return save(lm.lm_head.output['0, -1']);
      });
      return { mean: save(mean), again };
    });
    expect(mean.dims).toEqual([128]);
    // a again, so nothing changes.
    expectClose(again, reference.cases.batch.logits_last[0]);
  });

  it('a module input set from another trace of the session gives the prediction of that trace', async () => {
    const logits = await lm.session((session) => {
      const input = session.trace(clean, () => lm.transformer.h[2].input);
      return session.trace(corrupt, () => {
        lm.transformer.h[2].input = input;
        return save(lm.lm_head.output['0, -1']);
      });
    });
    expectClose(logits, reference.cases.modules.logits_last);
  });

  it('a loop over plain values around a trace', async () => {
    const logits = await lm.session((session) => {
      const all = [];
      for (const factor of parity.session_loop.factors) {
        all.push(
          session.trace(clean, () => {
            lm.transformer.h[1].output *= factor;
            return save(lm.lm_head.output['0, -1']);
          }),
        );
      }
      return all;
    });
    for (const [i, expected] of parity.session_loop.each.entries()) expectClose(logits[i]!, expected);
  });

  it('a loop over a traced value around a trace, which carries a value', async () => {
    const { sum, each } = await lm.session((session) => {
      // 0.5, 1, 2: only the run knows them.
      const factors = session.trace(clean, () => {
        const zero = mul(lm.transformer.h[0].output['0, 0, :3'], 0);
        return add(zero, Tensor.from(parity.session_loop.factors, 'float32'));
      });
      let sum = session.trace(clean, () => lm.lm_head.output['0, -1'] * 0);
      const each = [];
      for (const factor of factors) {
        const logits = session.trace(clean, () => {
          lm.transformer.h[1].output *= factor;
          return lm.lm_head.output['0, -1'];
        });
        sum += logits;
        each.push(save(logits));
      }
      return { sum: save(sum), each };
    });
    expectClose(sum, parity.session_loop.sum);
    expect(each).toHaveLength(3);
    for (const [i, expected] of parity.session_loop.each.entries()) expectClose(each[i]!, expected);
  });

  it.each([true, false])('a condition around a whole trace (%s): the trace runs only if it holds', async (holds) => {
    const factor = holds ? 0.5 : 2;
    const result = await lm.session((session) => {
      const norm = session.trace(clean, () => lm.transformer.h[0].output.norm());
      let scaled: Saved | undefined;
      if (norm > reference.cases.conditional.norm * factor) {
        scaled = session.trace(clean, () => {
          lm.transformer.h[1].output *= 0.5;
          return save(lm.lm_head.output['0, -1']);
        });
      }
      return { scaled, norm: save(norm) };
    });
    expect(result.norm.item()).toBeCloseTo(reference.cases.conditional.norm, 3);
    if (holds) expectClose(result.scaled!, reference.cases.scale.logits_last);
    else expect(result.scaled).toBeUndefined();
  });

  it('conditions inside loops around traces: the even ones of 0, 1, 2', async () => {
    const items = await mlp.session((session) => {
      const items = [];
      for (const item of [0, 1, 2]) {
        const value = session.trace(x, () => mlp.layer1.output[0][0] * 0 + item);
        if (value % 2 === 0) items.push(save(value));
      }
      return items;
    });
    expect(items.map((item) => item.item())).toEqual([0, 2]);
  });

  it('a traced break ends a loop of traces, and what follows the loop still runs', async () => {
    const { items, after } = await mlp.session((session) => {
      const items = [];
      for (const item of [0, 1, 2, 3, 4]) {
        const value = session.trace(x, () => mlp.layer1.output[0][0] * 0 + item);
        if (value === 3) break;
        items.push(save(value));
      }
      const after = session.trace(x, () => save(mlp.layer1.output[0][0] * 0 + 5));
      return { items, after };
    });
    expect(items.map((item) => item.item())).toEqual([0, 1, 2]);
    expect(after.item()).toBe(5);
  });

  it('stop ends the session: later traces do not run, what is saved there does not come back', async () => {
    const { first, second } = await mlp.session((session) => {
      const first = session.trace(x, () => save(mlp.output));
      session.stop();
      const second = session.trace(x, () => save(mlp.layer1.output));
      return { first, second };
    });
    expect(difference(first, await mlp.trace(x, () => save(mlp.output)))).toBe(0);
    expect(second).toBeUndefined();
  });

  it("stop inside one trace ends that trace's own values, not the session", async () => {
    const result = await mlp.session((session) => {
      const one = session.trace(x, (tracer) => {
        const early = save(mlp.layer1.output);
        tracer.stop();
        return { early, late: save(mlp.output) };
      });
      const two = session.trace(x, () => save(mlp.output));
      return { one, two };
    });
    expect(result.one.early.dims).toEqual([1, 10]);
    expect(result.one.late).toBeUndefined();
    expect(result.two.dims).toEqual([1, 2]);
  });

  it('stop inside a trace in a loop over traced values: the loop goes on', async () => {
    const early = await mlp.session((session) => {
      const rows = session.trace([x.x[0]!, x.x[0]!, x.x[0]!], () => mlp.output);
      const early = [];
      for (const row of rows) {
        const difference = session.trace(x, (tracer) => {
          const difference = save(mlp.output[0] - row);
          tracer.stop();
          save(mlp.layer1.output);
          return difference;
        });
        early.push(difference);
      }
      return early;
    });
    expect(early.map((one) => Array.from(one.data))).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
  });

  it('every trace of a session has its own inputs, edits and rows', async () => {
    const edited = lm.edit(() => {
      lm.transformer.h[1].output *= 0.5;
    });
    const results = await edited.session((session) => ({
      one: session.trace(clean, () => save(edited.lm_head.output['0, -1'])),
      two: session.trace([fact, france], () => save(edited.lm_head.output[':, -1'])),
    }));
    expectClose(results.one, parity.edits.one);
    expect(results.two.dims).toEqual([2, 189]);
  });

  it('invokes in a trace of a session', async () => {
    const results = await lm.session((session) => {
      const hidden = session.trace(clean, () => lm.transformer.h[1].output[':, -1']);
      return session.trace((tracer) => [
        tracer.invoke(corrupt, () => {
          lm.transformer.h[1].output[':, -1'] = hidden;
          return save(lm.lm_head.output['0, -1']);
        }),
        tracer.invoke(clean, () => save(lm.lm_head.output['0, -1'])),
      ]);
    });
    expectClose(results[0]!, parity.patch_across.corrupt);
    expectClose(results[1]!, reference.cases.modules.logits_last);
  });

  it('several inputs to models that no session knows stay apart: two sessions at once on two models', async () => {
    const other = await loadToy();
    const run = (model: typeof lm, prompt: string) =>
      model.session((session) => {
        const hidden = session.trace(clean, () => model.transformer.h[1].output[':, -1']);
        return session.trace(prompt, () => {
          model.transformer.h[1].output[':, -1'] = hidden;
          return save(model.lm_head.output['0, -1']);
        });
      });
    const [one, two] = await Promise.all([run(lm, corrupt), run(other, corrupt)]);
    expectClose(one, parity.patch_across.corrupt);
    expect(difference(one, two)).toBe(0);
  });
});

describe('session: mistakes', () => {
  it('a value read between traces', async () => {
    const error = lm.session((session) => {
      session.trace(clean, () => {});
      return save(lm.transformer.h[0].output);
    });
    await expect(error).rejects.toThrow(
      /session\.test\.ts:\d+:\d+ - transformer\.h\.0 is read between the traces of a session/,
    );
  });

  it('a trace in a trace', async () => {
    const error = lm.session((session) =>
      session.trace(clean, () => {
        session.trace(corrupt, () => {});
      }),
    );
    await expect(error).rejects.toThrow(/session\.test\.ts:\d+:\d+ - A trace stands inside another one/);
  });
});
