import { intervention, type LanguageModel, save, softmax, topk } from 'onnsight';

/** Pushes the second layer's last position along a direction, and reads what every layer would say next. */
export const steer = intervention(
  { alpha: 'float32', direction: 'float32[128]' },
  (gpt2: LanguageModel, { alpha, direction }) => {
    const { h, ln_f } = gpt2.transformer;
    const residual = save(h[1].output['0, -1'].clone());
    h[1].output[':, -1'] += direction * alpha;

    const layers = [];
    for (const layer of h) {
      const best = topk(softmax(gpt2.lm_head(ln_f(layer.output)), -1), 1);
      layers.push({ ids: save(best.indices), probabilities: save(best.values) });
    }
    return { residual, layers, next: save(softmax(gpt2.lm_head.output['0, -1'], -1)) };
  },
);
