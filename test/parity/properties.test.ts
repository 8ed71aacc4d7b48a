import fc from 'fast-check';
import { save, type Tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { loadToy } from '../support/toy.ts';
import { difference } from './support.ts';

const lm = await loadToy();
const ids = fc.array(fc.integer({ min: 1, max: 188 }), { minLength: 1, maxLength: 12 });
/** What is done to a block's output: which block, by which factor. */
const change = fc.record({ layer: fc.integer({ min: 0, max: 3 }), factor: fc.double({ min: 0, max: 2, noNaN: true }) });
const runs = { numRuns: 6 };

interface Change {
  readonly layer: number;
  readonly factor: number;
}

const apply = ({ layer, factor }: Change) => {
  'use trace';
  lm.transformer.h[layer].output *= factor;
};
const last = () => {
  'use trace';
  return save(lm.lm_head.output['0, -1']);
};
const alone = (prompt: number[], changes: readonly Change[] = []): Promise<Tensor> =>
  lm.trace([prompt], () => {
    for (const one of changes) apply(one);
    return last();
  });

describe('properties', () => {
  it('n invokes in one trace give what n traces give, of any lengths', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(ids, change), { minLength: 1, maxLength: 4 }), async (invokes) => {
        const together = await lm.trace((tracer) =>
          invokes.map(([prompt, one]) =>
            tracer.invoke([prompt], () => {
              apply(one);
              return last();
            }),
          ),
        );
        for (const [i, [prompt, one]] of invokes.entries()) {
          expect(difference(together[i]!, await alone(prompt, [one]))).toBeLessThan(1e-4);
        }
      }),
      runs,
    ));

  it('padding never changes what a row gives', () =>
    fc.assert(
      fc.asyncProperty(ids, fc.integer({ min: 1, max: 20 }), async (prompt, padding) => {
        const pads = Array.from({ length: padding }, () => 0);
        const padded = await lm.trace(
          { input_ids: [[...pads, ...prompt]], attention_mask: [[...pads, ...prompt.map(() => 1)]] },
          last,
        );
        expect(difference(padded, await alone(prompt))).toBeLessThan(1e-4);
      }),
      runs,
    ));

  it('an edit gives what its block gives in a trace, and edits add up in their order', () =>
    fc.assert(
      fc.asyncProperty(ids, fc.array(change, { minLength: 1, maxLength: 3 }), async (prompt, changes) => {
        let edited = lm;
        for (const one of changes) edited = edited.edit(() => apply(one));
        const logits = await edited.trace([prompt], last);
        expect(difference(logits, await alone(prompt, changes))).toBeLessThan(1e-5);
      }),
      runs,
    ));

  it('a session gives what its traces give one after another', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(ids, change), { minLength: 1, maxLength: 3 }), async (traces) => {
        const together = await lm.session((session) => {
          let carried = 0;
          const all = [];
          for (const [prompt, one] of traces) {
            const { logits, mean } = session.trace([prompt], () => {
              apply(one);
              lm.transformer.h[3].output += carried;
              return { logits: last(), mean: lm.transformer.h[0].output.mean() };
            });
            carried = mean;
            all.push(logits);
          }
          return all;
        });
        let carried = 0;
        for (const [i, [prompt, one]] of traces.entries()) {
          const { logits, mean } = await lm.trace([prompt], () => {
            apply(one);
            lm.transformer.h[3].output += carried;
            return { logits: last(), mean: save(lm.transformer.h[0].output.mean()) };
          });
          carried = mean.item();
          expect(difference(together[i]!, logits)).toBeLessThan(1e-4);
        }
      }),
      runs,
    ));

  it('two ranges of steps give what their union gives', () => {
    const steps = fc.uniqueArray(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 4 });
    return fc.assert(
      fc.asyncProperty(steps, steps, change, async (some, others, { layer }) => {
        const options = { maxNewTokens: 4, stopTokens: [] };
        const mark = () => {
          'use trace';
          lm.transformer.h[layer].output[':, -1'] = 1;
        };
        const apart = await lm.generate([[5, 6, 7]], options, (tracer) => {
          for (const _ of tracer.iter(some)) mark();
          for (const _ of tracer.iter(others)) mark();
        });
        const union = await lm.generate([[5, 6, 7]], options, (tracer) => {
          for (const _ of tracer.iter([...new Set([...some, ...others])])) mark();
        });
        expect(apart.tokens).toEqual(union.tokens);
      }),
      runs,
    );
  });

  it('generation with the cache gives what it gives without, if what is set is set at every position', () =>
    fc.assert(
      fc.asyncProperty(ids, change, async (prompt, one) => {
        const generate = (useCache: boolean) =>
          lm.generate([prompt], { maxNewTokens: 4, stopTokens: [], useCache }, (tracer) => {
            for (const _ of tracer.all()) apply(one);
          });
        expect((await generate(true)).tokens).toEqual((await generate(false)).tokens);
      }),
      runs,
    ));
});
