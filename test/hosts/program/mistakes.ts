import { type LanguageModel, save } from 'onnsight';

type Mistake = (lm: LanguageModel, inputs: number[][]) => Promise<unknown>;

/** A function that the compiler leaves alone. */
function doubled(x: number): number {
  return x * 2;
  //      ^ uncompiled
}

function checked(layer: number): number {
  'use trace';
  if (layer > 1) throw new RangeError(`layer ${layer} is not for sale`);
  //                   ^ thrown
  return layer;
}

/** Blocks that go wrong, each where the caret with its name points. Every host must say so in the same words. */
export const mistakes: Readonly<Record<string, Mistake>> = {
  shape: (lm, inputs) =>
    lm.trace(inputs, () => {
      for (const row of lm.transformer.h[0].output) {
        lm.transformer.h[1].output = row.view(7, 7);
        //                           ^ shape
      }
      return save(lm.lm_head.output);
    }),

  operands: (lm, inputs) =>
    lm.trace(inputs, () => {
      if (lm.transformer.h[0].output.norm() > 1) {
        lm.transformer.h[0].output += [1, 2, 3];
        //                         ^ operands
      }
      return save(lm.lm_head.output);
    }),

  module: (lm, inputs) =>
    lm.trace(inputs, () => {
      const hidden = lm.transformer.h[0].output;
      return save(lm.transformer.h[1].mpl.output + hidden);
      //          ^ module
    }),

  cycle: (lm, inputs) =>
    lm.trace(inputs, () => {
      if (inputs.length > 0) lm.transformer.h[0].output = lm.transformer.h[2].output;
      //                     ^ cycle
      return save(lm.lm_head.output);
    }),

  uncompiled: (lm, inputs) => lm.trace(inputs, () => save(doubled(lm.transformer.h[0].output))),

  thrown: (lm, inputs) => lm.trace(inputs, () => [0, 1, 2].map((i) => save(lm.transformer.h[checked(i)].output))),
};
