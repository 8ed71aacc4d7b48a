import { save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, loadToy, reference } from '../support/toy.ts';
import { clean, corrupt, difference, fact, parity } from './support.ts';

const lm = await loadToy();

describe('module.ops: operations inside a module, by name', () => {
  it('lists them', () => {
    const names = Object.keys(lm.transformer.h[1].attn.ops);
    expect(names).toContain('Softmax');
    expect(names.length).toBeGreaterThan(3);
  });

  it('read: the attention pattern', async () => {
    const pattern = await lm.trace(clean, () => save(lm.transformer.h[1].attn.ops.Softmax.output));
    expectClose(pattern, reference.cases.attention.pattern);
  });

  it('inputs, too, and of several layers in one trace', async () => {
    const { scores, patterns } = await lm.trace(clean, () => ({
      scores: save(lm.transformer.h[1].attn.ops.Softmax.input.softmax(-1)),
      patterns: [...lm.transformer.h].map((layer) => save(layer.attn.ops.Softmax.output)),
    }));
    expect(patterns.map(({ dims }) => dims)).toEqual(Array.from({ length: 4 }, () => [1, 4, 15, 15]));
    expect(difference(scores, patterns[1]!)).toBeLessThan(1e-5);
  });

  it('set: part of the pattern, and nothing of it stays for the next trace', async () => {
    const logits = await lm.trace(clean, () => {
      lm.transformer.h[1].attn.ops.Softmax.output['..., 0'] = 0;
      return save(lm.lm_head.output['0, -1']);
    });
    expectClose(logits, parity.pattern.logits);
    const plain = await lm.trace(clean, () => save(lm.lm_head.output['0, -1']));
    expectClose(plain, reference.cases.modules.logits_last);
  });

  it('of the modules inside, recursively: a block has the operations of its attention and its mlp', async () => {
    const names = Object.keys(lm.transformer.h[1].ops);
    for (const name of Object.keys(lm.transformer.h[1].attn.ops)) {
      expect(names.some((one) => one.split('_')[0] === name.split('_')[0])).toBe(true);
    }
  });

  it('across invokes: one head of the pattern patched from the other prompt', async () => {
    const patched = await lm.trace((tracer) => {
      const pattern = tracer.invoke(clean, () => lm.transformer.h[1].attn.ops.Softmax.output[':, 2']);
      return tracer.invoke(corrupt, () => {
        lm.transformer.h[1].attn.ops.Softmax.output[':, 2'] = pattern;
        return save(lm.transformer.h[1].attn.ops.Softmax.output);
      });
    });
    const own = await lm.trace(corrupt, () => save(lm.transformer.h[1].attn.ops.Softmax.output));
    const other = await lm.trace(clean, () => save(lm.transformer.h[1].attn.ops.Softmax.output));
    const head = (tensor: { data: unknown }, i: number) =>
      Array.from(tensor.data as Float32Array).slice(i * 225, (i + 1) * 225);
    for (const i of [0, 1, 3])
      expectClose({ dims: [225], data: head(patched, i) }, { dims: [225], data: head(own, i) });
    expectClose({ dims: [225], data: head(patched, 2) }, { dims: [225], data: head(other, 2) });
  });

  it('at every step of a generation, and setting one changes the tokens', async () => {
    const run = (zero: boolean) =>
      lm.generate(fact, { maxNewTokens: 3, stopTokens: [] }, (tracer) => {
        const sums = [];
        for (const _ of tracer.all()) {
          const { Softmax } = lm.transformer.h[3].attn.ops;
          if (zero) for (const layer of lm.transformer.h) layer.attn.ops.Softmax.output *= 0;
          sums.push(save(Softmax.output.sum()));
        }
        return sums;
      });
    const [plain, zeroed] = [await run(false), await run(true)];
    // A row of a pattern adds up to 1: four heads, nine rows in the first step and one in the others.
    expect(plain.result.map((sum) => Math.round(sum.item()))).toEqual([36, 4, 4]);
    expect(zeroed.result.map((sum) => sum.item())).toEqual([0, 0, 0]);
    expect(zeroed.tokens).not.toEqual(plain.tokens);
  });

  it('at some steps of a generation: one, a range, steps with gaps; inputs, and of the modules inside', async () => {
    const run = (steps: readonly number[]) =>
      lm.generate(fact, { maxNewTokens: 4, stopTokens: [] }, (tracer) => {
        const seen = [];
        for (const _ of tracer.iter(steps)) {
          const block = lm.transformer.h[3];
          seen.push({ sum: save(block.ops.Softmax.output.sum()), scores: save(block.attn.ops.Softmax.input) });
        }
        return seen;
      });
    const found = async (steps: readonly number[]) =>
      (await run(steps)).result.map(({ sum, scores }) => [Math.round(sum.item()), ...scores.dims]);
    // As above; the scores are [rows, heads, tokens, tokens so far].
    expect(await found([2])).toEqual([[4, 1, 4, 1, 11]]);
    expect(await found([1, 2])).toEqual([
      [4, 1, 4, 1, 10],
      [4, 1, 4, 1, 11],
    ]);
    expect(await found([0, 3])).toEqual([
      [36, 1, 4, 9, 9],
      [4, 1, 4, 1, 12],
    ]);
  });

  it('one that is not there is an error that tells the kinds', async () => {
    const wrong = lm.trace(clean, () => save(lm.transformer.h[1].attn.ops.Softmaxx.output));
    await expect(wrong).rejects.toThrow(
      /ops\.test\.ts:\d+:\d+ - transformer\.h\.1\.attn has no operation 'Softmaxx'.*did you mean Softmax/,
    );
  });
});
