import { save } from 'onnsight';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadToy, reference } from '../support/toy.ts';
import { clean, corrupt, fact, loadSmall } from './support.ts';

const lm = await loadToy();
const mlp = await loadSmall('zoo/mlp.ts');
let printed: string[];
beforeEach(() => {
  printed = [];
  vi.spyOn(console, 'log').mockImplementation((...values) => printed.push(values.map(String).join(' ')));
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe('console.log in a block prints when the model runs', () => {
  it('the value, with what stands beside it', async () => {
    await lm.trace(clean, () => {
      console.log('norm', lm.transformer.h[0].output.norm());
      return save(lm.lm_head.output);
    });
    expect(printed).toHaveLength(1);
    const [text, value] = printed[0]!.split(/ (?=\S*\d)/);
    expect(text).toBe('norm');
    expect(Number.parseFloat(value!.replace(/^tensor\(/, ''))).toBeCloseTo(reference.cases.conditional.norm, 1);
  });

  it('even if nothing is saved', async () => {
    await lm.trace(clean, () => {
      console.log(lm.transformer.h[0].output.norm());
    });
    expect(printed).toHaveLength(1);
  });

  it('in a branch only if the branch ran, in a loop once per iteration', async () => {
    await mlp.trace([[1, 2, 3, 4, 5]], () => {
      const { output } = mlp.layer1;
      if (output.norm() > 0) console.log('yes', output.norm());
      else console.log('no', output.norm());
      for (const value of mlp.output[0]) console.log('item', value);
    });
    expect(printed.map((line) => line.split(' ')[0])).toEqual(['yes', 'item', 'item']);
  });

  it('in invokes, sessions and the steps of a generation', async () => {
    await lm.trace((tracer) => {
      for (const prompt of [clean, corrupt]) {
        tracer.invoke(prompt, () => {
          console.log('invoke', lm.transformer.h[0].output.shape[0] * lm.transformer.h[0].output.mean());
        });
      }
    });
    await lm.session((session) => {
      for (const prompt of [clean, corrupt]) {
        session.trace(prompt, () => {
          console.log('trace', lm.transformer.h[0].output.mean());
        });
      }
    });
    await lm.generate(fact, { maxNewTokens: 3, stopTokens: [] }, (tracer) => {
      for (const _ of tracer.all()) console.log('step', lm.transformer.h[0].output.mean());
    });
    expect(printed.map((line) => line.split(' ')[0])).toEqual([
      'invoke',
      'invoke',
      'trace',
      'trace',
      'step',
      'step',
      'step',
    ]);
  });
});
