import { LanguageModel, save, stack, type Tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';

const lm = await LanguageModel.load('onnsight/toy-gpt2', { device: 'cpu' });

/** Layers that compute each position by itself. */
const LAYERS = ['transformer.h.0.attn.c_proj', 'transformer.h.1.mlp', 'transformer.ln_f', 'lm_head'];

describe('a layer that is called on a value of other dimensions than the model gives it', () => {
  it.each(LAYERS)('%s computes each position as in the model, whatever stands before the features', async (path) => {
    const { own, ofOne, ofSome, ofMany, shape } = await lm.trace('The Eiffel Tower is', () => {
      const layer = lm.get(path);
      const [x, y] = [layer.input, layer.output];
      const one = layer(x['0, -1']);
      return {
        own: save(y),
        ofOne: save(one.softmax(-1)),
        ofSome: save(layer(x[0])),
        ofMany: save(layer(stack([x, x * 0 + x]))),
        shape: one.shape.length,
      };
    });
    const near = (found: Tensor, expected: Tensor) => {
      expect(found.dims).toEqual(expected.dims);
      expect(Math.max(...Array.from(found.data, (v, i) => Math.abs(v - expected.data[i]!)))).toBeLessThan(1e-4);
    };
    expect(shape).toBe(1);
    near(ofOne, own['0, -1'].softmax(-1));
    near(ofSome, own[0]);
    near(ofMany[1], own);
  });

  it('an embedding looks up ids of any dimensions', async () => {
    const { own, ofOne, ofRow } = await lm.trace('The Eiffel Tower is', () => {
      const { wte } = lm.transformer;
      return { own: save(wte.output), ofOne: save(wte(wte.input['0, 1'])), ofRow: save(wte(wte.input[0])) };
    });
    expect(ofRow.toArray()).toEqual(own[0].toArray());
    expect(ofOne.toArray()).toEqual(own['0, 1'].toArray());
  });

  it('another module says which it takes', async () => {
    await expect(lm.trace('The', () => save(lm.transformer.h[0].attn(lm.transformer.h[0].input[0])))).rejects.toThrow(
      /other-dimensions\.test\.ts:\d+:\d+ - transformer\.h\.0\.attn takes a tensor of 3 dimensions in this model, and is called on one of 2\./,
    );
  });
});
