import { add, matmul, save, Tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, loadToy, reference } from '../support/toy.ts';
import { clean, difference, loadSmall, parity } from './support.ts';

const lm = await loadToy();
const mlp = await loadSmall('zoo/mlp.ts');

describe('parameters as values', () => {
  it('have the values and shapes of PyTorch', async () => {
    const weight = await mlp.trace([[1, 2, 3, 4, 5]], () => save(mlp.layer1.weight));
    expectClose(weight, parity.mlp.weight);
  });

  it('compute what the module computes', async () => {
    const { own, module } = await lm.trace(clean, () => {
      const { c_proj } = lm.transformer.h[0].attn;
      const own = add(matmul(c_proj.input[0], c_proj.weight), c_proj.bias);
      return { own: save(own), module: save(c_proj.output[0]) };
    });
    expect(difference(own, module)).toBeLessThan(1e-4);
  });

  it('can be had from get(path), and from a module that another one holds', async () => {
    const { a, b } = await lm.trace(clean, () => ({
      a: save(lm.get('transformer.wte.weight') as never),
      b: save(lm.transformer.wte.weight),
    }));
    expect(a.dims).toEqual([189, 128]);
    expect(difference(a, b)).toBe(0);
  });

  it('a trace cannot change them: in place it changes a copy', async () => {
    const { changed, logits } = await lm.trace(clean, () => {
      const { weight } = lm.transformer.h[0].mlp.c_fc;
      weight[':'] = 0;
      return { changed: save(weight), logits: save(lm.lm_head.output['0, -1']) };
    });
    expect(Math.max(...(changed.data as Float32Array))).toBe(0);
    expectClose(logits, reference.cases.modules.logits_last);
    const after = await lm.trace(clean, () => save(lm.transformer.h[0].mlp.c_fc.weight));
    expect(Math.max(...(after.data as Float32Array))).toBeGreaterThan(0);
  });

  it('assigning to one is an error that names what can be set', async () => {
    const wrong = lm.trace(clean, () => {
      lm.transformer.h[0].mlp.c_fc.weight = 0;
      return save(lm.lm_head.output);
    });
    await expect(wrong).rejects.toThrow(/parameters\.test\.ts:\d+:\d+ - /);
  });

  it('outside of a trace is a tensor with its elements, the same as in a block', async () => {
    for (const module of [lm.transformer.wte, lm.transformer.h[0].mlp.c_fc, lm.transformer.ln_f, lm.lm_head]) {
      const { weight } = module;
      const inBlock = await lm.trace(clean, () => save(module.weight));
      expect(weight).toBeInstanceOf(Tensor);
      expect(weight.dims).toEqual(inBlock.dims);
      expect(weight.data).toEqual(inBlock.data);
    }
  });
});
