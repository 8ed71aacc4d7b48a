import { save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { loadToy, maxDifference, reference } from '../support/toy.ts';

const lm = await loadToy();
const { clean } = reference.prompts;
const { h } = lm.transformer;

/** What a branch does must come out as if it stood there without the condition, or not at all. */
const same = (a: { data: ArrayLike<unknown> }, b: { data: ArrayLike<unknown> }) =>
  maxDifference(Array.from(a.data, Number), Array.from(b.data, Number));

describe.each([
  ['taken', 0],
  ['not taken', 1e9],
])('a branch that works on both sides of a module (%s)', (_, limit) => {
  const taken = limit === 0;

  it('sets two modules, one after the other', async () => {
    const wanted = await lm.trace(clean, () => {
      if (taken) {
        h[1].output *= 0.5;
        h[3].output *= 0.5;
      }
      return save(lm.lm_head.output);
    });
    const logits = await lm.trace(clean, () => {
      if (h[0].output.norm() > limit) {
        h[1].output *= 0.5;
        h[3].output *= 0.5;
      }
      return save(lm.lm_head.output);
    });
    expect(same(logits, wanted)).toBeLessThan(1e-4);
  });

  it('sets an operation of a module, taken by its name or by a pattern', async () => {
    const [attention] = Object.keys(h[1].attn.ops).filter((name) => name.startsWith('Softmax'));
    const wanted = await lm.trace(clean, () => {
      if (taken) h[1].attn.ops[attention!]!.output[0] = 0.5;
      if (taken) h[2].attn.ops[attention!]!.output *= 0.5;
      return save(lm.lm_head.output);
    });
    const logits = await lm.trace(clean, () => {
      if (h[0].output.norm() > limit) {
        h[1].attn.ops[attention!]!.output[0] = 0.5;
        const { [attention!]: found } = h[2].attn.ops;
        found!.output *= 0.5;
      }
      return save(lm.lm_head.output);
    });
    expect(same(logits, wanted)).toBeLessThan(1e-4);
  });

  it('sets a module and reads a later one, which sees it', async () => {
    const wanted = await lm.trace(clean, () => {
      if (taken) h[1].output *= 0.5;
      return save(h[2].output.norm());
    });
    const { norm, logits } = await lm.trace(clean, () => {
      let norm = h[2].output.norm();
      if (h[0].output.norm() > limit) {
        h[1].output *= 0.5;
        norm = h[2].output.norm();
      }
      return { norm: save(norm), logits: save(lm.lm_head.output) };
    });
    expect(norm.item()).toBeCloseTo(wanted.item(), 3);
    expect(logits.dims).toEqual([1, 15, 189]);
  });

  it('nested', async () => {
    const wanted = await lm.trace(clean, () => {
      if (taken) {
        h[0].output *= 0.9;
        h[2].output *= 0.5;
      }
      return save(lm.lm_head.output);
    });
    const logits = await lm.trace(clean, () => {
      if (h[0].output.sum() !== 12345) {
        if (h[0].output.norm() > limit) {
          h[0].output *= 0.9;
          h[2].output *= 0.5;
        }
      }
      return save(lm.lm_head.output);
    });
    expect(same(logits, wanted)).toBeLessThan(1e-4);
  });
});
