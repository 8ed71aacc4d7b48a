import { backward, save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { loadToy } from '../support/toy.ts';
import { clean, expectUsable, lm, marked, rejection, thrown } from './support.ts';

const { expectMistake, traceFails } = marked(import.meta.url);
const other = await loadToy();

describe('a value at the wrong time', () => {
  it('returned without a save', () =>
    traceFails(
      lm.trace(clean, () => {
        return { layer: lm.transformer.h[0].output }; // @unsaved
      }),
      'unsaved',
      /the result\.layer is a traced tensor that is not saved.*Return save/,
    ));

  it('saved, but read before the run', () =>
    traceFails(
      lm.trace(clean, () => {
        const saved = save(lm.transformer.h[0].output);
        const data = saved.data; // @early
        return { saved, data };
      }),
      'early',
      /'data' of a saved value is read before the trace has run/,
    ));

  it('after its trace', async () => {
    let kept: unknown;
    await lm.trace(clean, () => {
      kept = lm.transformer.h[0].output * 2;
    });
    const error = thrown(() => {
      (kept as { mean(): unknown }).mean(); // @after
    });
    await expectMistake(error, 'after', /trace/);
  });

  it('in a block that is async all the same', async () => {
    const block = async () => {
      'use trace';
      return save(lm.transformer.h[0].output);
    };
    const error = await rejection(lm.trace(clean, block));
    expect(error.name).toBe('TraceError');
    expect(error.message).toMatch(
      /the result is a promise, but a block is over before the model runs.*ordinary function/,
    );
    await expectUsable();
  });

  it('in another trace', async () => {
    let kept: number;
    await lm.trace(clean, () => {
      kept = lm.transformer.h[0].output * 2;
    });
    await traceFails(
      lm.trace(clean, () => {
        lm.transformer.h[1].output = kept; // @another trace
        return save(lm.lm_head.output);
      }),
      'another trace',
      /trace.*save/i,
    );
  });

  it('of another model', async () => {
    let kept: number;
    await other.trace(clean, () => {
      kept = other.transformer.h[0].output * 2;
    });
    await traceFails(
      lm.trace(clean, () => {
        return save(lm.transformer.h[1].output + kept); // @value of another model
      }),
      'value of another model',
      /A value of .*trace.* is used.* Return it from .* with save\(\)/,
    );
  });

  it('a function outside of any trace', async () => {
    const error = thrown(() => {
      backward(2); // @function outside
    });
    await expectMistake(error, 'function outside', /inside a trace block/);
  });
});

describe('what was not compiled', () => {
  const double = new Function('a', 'return a * 2') as (a: number) => number;

  it('an operator', () =>
    traceFails(
      lm.trace(clean, () => {
        const half = lm.transformer.h[0].output * 0.5;
        return save(double(half)); // @uncompiled operator
      }),
      'uncompiled operator',
      /code that was not compiled.*onnsight plugin.*'use trace'/,
    ));

  it('a block', async () => {
    const block = new Function('return 1') as () => number;
    await traceFails(
      lm.trace(clean, block), // @uncompiled block
      'uncompiled block',
      /was not compiled.*onnsight plugin/,
    );
  });
});
