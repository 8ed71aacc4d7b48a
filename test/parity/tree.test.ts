import { inspect } from 'node:util';
import { save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, loadToy, reference } from '../support/toy.ts';
import { clean, loadSmall } from './support.ts';

const lm = await loadToy();

describe('the module tree', () => {
  it('modules by name, by index, from the end, and by path', async () => {
    const { h } = lm.transformer;
    expect(h.length).toBe(4);
    expect(h[-1].path).toBe('transformer.h.3');
    expect(h[3].mlp.c_fc.path).toBe('transformer.h.3.mlp.c_fc');
    expect(lm.get('transformer.h.0.mlp').path).toBe('transformer.h.0.mlp');
    expect(lm.get('transformer.h[2]').path).toBe('transformer.h.2');
    expect([...h].map(({ path }) => path)).toEqual([0, 1, 2, 3].map((i) => `transformer.h.${i}`));
  });

  it('get(path) of a tensor', async () => {
    const output = await lm.trace(clean, () => save(lm.get('transformer.h.0.mlp.output') as never));
    expectClose(output, reference.cases.modules.modules['transformer.h.0.mlp'].output);
  });

  it('prints as PyTorch prints it, repeated blocks once', () => {
    expect(String(lm)).toMatch(/\(0-3\): 4 x /);
    expect(String(lm)).toMatch(/\(lm_head\)/);
    expect(inspect(lm.transformer.h[0].mlp)).toMatch(/c_fc/);
  });

  it('device and to', async () => {
    expect(lm.device).toBe('cpu');
    const again = await lm.to('cpu');
    const logits = await again.trace(clean, () => save(again.lm_head.output['0, -1']));
    expectClose(logits, reference.cases.modules.logits_last);
  });

  it('the plain run: a trace without a block gives the outputs of the model', async () => {
    const { logits } = await lm.trace(clean);
    expect(logits!.dims).toEqual([1, 15, 189]);
    const data = Array.from(logits!.data as Float32Array).slice(-189);
    expectClose({ dims: [189], data }, reference.cases.modules.logits_last);
  });

  it("the model's own output and input", async () => {
    const mlp = await loadSmall('zoo/mlp.ts');
    const x = [[0.1, 0.2, 0.3, 0.4, 0.5]];
    const { input, output, doubled } = await mlp.trace(x, () => {
      const output = mlp.output.clone();
      mlp.output *= 2;
      return { input: save(mlp.input), output: save(output), doubled: save(mlp.output) };
    });
    for (const [i, value] of x[0]!.entries()) expect(input.data[i]).toBeCloseTo(value, 6);
    for (const [i, value] of Array.from(output.data as Float32Array).entries()) {
      expect(doubled.data[i]).toBeCloseTo(2 * value, 6);
    }
  });

  it('a module is called on other values: the logit lens', async () => {
    const ids = await lm.trace(clean, () => {
      const ids = [];
      for (const layer of lm.transformer.h) {
        ids.push(save(lm.lm_head(lm.transformer.ln_f(layer.output))['0, -1'].argmax()));
      }
      return ids;
    });
    const expected = reference.cases.logit_lens.layers as { ids: number[] }[];
    expect(ids.map((id) => Number(id.item()))).toEqual(expected.map(({ ids }) => ids[0]));
  });
});
