import { argmax, save } from 'onnsight';
import { describe, it } from 'vitest';
import { clean, lm, marked } from './support.ts';

const { traceFails } = marked(import.meta.url);

describe('what a graph cannot hold', () => {
  it('a template string of a tensor', () =>
    traceFails(
      lm.trace(clean, () => {
        const h = lm.transformer.h[0].output;
        const text = `norm ${h.norm()}`; // @template
        return { text, saved: save(h) };
      }),
      'template',
      /template string.*console\.log/,
    ));

  it('a switch', () =>
    traceFails(
      lm.trace(clean, () => {
        const top = argmax(lm.lm_head.output['0, -1']);
        switch (
          top // @switch
        ) {
          case 1:
            return save(top);
          default:
            return save(lm.lm_head.output);
        }
      }),
      'switch',
      /switch.*depends on a traced tensor.*if\/else/,
    ));

  it('a throw under a traced condition', () =>
    traceFails(
      lm.trace(clean, () => {
        const norm = lm.transformer.h[0].output.norm();
        if (norm > 1) {
          throw new Error('too long'); // @throw
        }
        return save(norm);
      }),
      'throw',
      /throw stands in a branch/,
    ));

  it('a condition of several elements', () =>
    traceFails(
      lm.trace(clean, () => {
        const h = lm.transformer.h[0].output;
        if (h > 0) lm.transformer.h[1].output *= 2; // @ambiguous
        return save(lm.lm_head.output);
      }),
      'ambiguous',
      /ambiguous \(its dims are \[1,15,128\]\)\. Reduce it with any\(\) or all\(\)/,
    ));
});
