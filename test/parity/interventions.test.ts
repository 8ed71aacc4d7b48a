import { save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, loadToy, reference } from '../support/toy.ts';
import { clean, corrupt, loadSmall, parity } from './support.ts';

const lm = await loadToy();
const { scale, zero_last, head, modules } = reference.cases;

describe('reading and setting', () => {
  it('by assignment, and what is read afterwards is what was set', async () => {
    const { before, after, logits } = await lm.trace(clean, () => {
      const before = lm.transformer.h[1].output;
      lm.transformer.h[1].output = before * 0.5;
      return {
        before: save(before.norm()),
        after: save(lm.transformer.h[1].output.norm()),
        logits: save(lm.lm_head.output['0, -1']),
      };
    });
    expect(after.item()).toBeCloseTo(before.item() / 2, 3);
    expectClose(logits, scale.logits_last);
  });

  it('in place by slice; a clone from before keeps the old values', async () => {
    const { before, now, logits } = await lm.trace(clean, () => {
      const { output } = lm.transformer.h[2].mlp;
      const before = output.clone();
      output[':, -1'] = 0;
      return { before: save(before['0, -1']), now: save(output['0, -1']), logits: save(lm.lm_head.output['0, -1']) };
    });
    expect(Math.max(...(now.data as Float32Array))).toBe(0);
    expect(Math.max(...(before.data as Float32Array))).toBeGreaterThan(0);
    expectClose(logits, zero_last.logits_last);
  });

  it('the input, which the module alone sees', async () => {
    const { logits, beside } = await lm.trace(clean, () => {
      const { mlp, ln_2 } = lm.transformer.h[2];
      mlp.input *= 2;
      return { logits: save(lm.lm_head.output['0, -1']), beside: save(ln_2.output.norm()) };
    });
    expectClose(logits, parity.input.logits);
    const plain = await lm.trace(clean, () => save(lm.transformer.h[2].ln_2.output.norm()));
    expect(beside.item()).toBeCloseTo(plain.item(), 4);
  });

  it('all inputs and all outputs: arrays that are read and set', async () => {
    const { count, logits } = await lm.trace(clean, () => {
      const [first] = lm.transformer.h[1].outputs;
      lm.transformer.h[1].outputs = [first! * 0.5];
      lm.transformer.h[2].inputs = [lm.transformer.h[2].inputs[0]! * 1];
      return { count: lm.transformer.h[1].outputs.length, logits: save(lm.lm_head.output['0, -1']) };
    });
    expect(count).toBeGreaterThanOrEqual(1);
    expectClose(logits, scale.logits_last);
  });

  it('several outputs: those of a recurrent layer', async () => {
    const lstm = await loadSmall('edge/lstm.ts');
    const x = Array.from({ length: 1 }, () =>
      Array.from({ length: 5 }, (_, t) => Array.from({ length: 8 }, (_, i) => Math.sin(t + i))),
    );
    const { outputs, plain, changed } = await lstm.trace(x, () => {
      const outputs = lstm.lstm.outputs.map((output: never) => save(output));
      const plain = save(lstm.output.clone());
      return { outputs, plain, changed: save(lstm.lstm.outputs.length) };
    });
    expect(outputs.length).toBeGreaterThan(1);
    expect(plain.dims).toEqual([1, 5, 2]);
    expect(changed).toBeDefined();
  });

  it('one head of attention, through a view', async () => {
    const logits = await lm.trace(clean, () => {
      const z = lm.transformer.h[1].attn.c_proj.input;
      const [batch, sequence] = z.shape;
      z.view(batch, sequence, 4, 32)['..., 1, :'] = 0;
      return save(lm.lm_head.output['0, -1']);
    });
    expectClose(logits, head.logits_last);
  });

  it('modules in any order, reads of later ones first', async () => {
    const { late, early } = await lm.trace(clean, () => {
      const late = save(lm.transformer.h[3].output);
      const early = save(lm.transformer.h[0].output);
      return { late, early };
    });
    expectClose(late, modules.modules['transformer.h.3'].output);
    expectClose(early, modules.modules['transformer.h.0'].output);
  });

  it('the token embeddings of another prompt', async () => {
    const embeddings = await lm.trace(clean, () => save(lm.transformer.wte.output));
    const logits = await lm.trace(corrupt, () => {
      lm.transformer.wte.output = embeddings;
      return save(lm.lm_head.output['0, -1']);
    });
    expectClose(logits, parity.embeddings.logits);
  });
});

describe('saving', () => {
  it('inputs and outputs, many at once, nested in objects and arrays', async () => {
    const all = await lm.trace(clean, () => ({
      blocks: [...lm.transformer.h].map(({ input, output }) => ({ input: save(input), output: save(output) })),
      logits: lm.lm_head.output.save(),
      plain: { number: 5, text: 'kept' },
    }));
    for (const [i, { input, output }] of all.blocks.entries()) {
      expectClose(input, modules.modules[`transformer.h.${i}`].input);
      expectClose(output, modules.modules[`transformer.h.${i}`].output);
    }
    expect(all.plain).toEqual({ number: 5, text: 'kept' });
  });

  it('to a variable outside', async () => {
    let outside: { readonly dims: readonly number[] } | undefined;
    await lm.trace(clean, () => {
      outside = save(lm.transformer.h[0].output);
    });
    expect(outside!.dims).toEqual([1, 15, 128]);
  });

  it('what is saved is what it is at the end of the block', async () => {
    const saved = await lm.trace(clean, () => {
      const saved = save(lm.transformer.h[0].output);
      lm.transformer.h[0].output[':'] = 0;
      return saved;
    });
    expect(Math.max(...(saved.data as Float32Array))).toBe(0);
  });

  it('what is saved is what it is at the end of the block, whatever loops and conditionals come before that', async () => {
    const { saved, count } = await lm.trace(clean, () => {
      const first = save(lm.transformer.h[0].output[0]);
      let count = 0;
      for (const row of lm.transformer.h[1].output[0]) if (row.norm() > 0) count++;
      if (lm.transformer.h[1].output.norm() > 0) count++;
      first[':'] = 7;
      return { saved: first, count: save(count) };
    });
    expect(count.item()).toBe(saved.dims[0]! + 1);
    expect(new Set(saved.data)).toEqual(new Set([7]));
  });

  it('values that are not saved do not come back', async () => {
    const unsaved = lm.trace(clean, () => ({ hidden: lm.transformer.h[0].output }));
    await expect(unsaved).rejects.toThrow(
      /interventions\.test\.ts:\d+:\d+ - the result\.hidden is a traced tensor that is not saved/,
    );
  });
});
