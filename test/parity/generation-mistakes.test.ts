import { save, TraceError } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, loadToy, reference } from '../support/toy.ts';
import { clean, fact } from './support.ts';

const lm = await loadToy();

/** Fails unless a promise is rejected at a line of this file, and the model can be traced afterwards. */
async function fails(promise: Promise<unknown>, says: RegExp): Promise<void> {
  const error = await promise.then(
    () => expect.fail('nothing was wrong'),
    (error: Error) => error,
  );
  expect(error).toBeInstanceOf(TraceError);
  expect(error.message).toMatch(/^test\/parity\/generation-mistakes\.test\.ts:\d+:\d+ - /);
  expect(error.message).toMatch(says);
  expectClose(await lm.trace(clean, () => save(lm.lm_head.output['0, -1'])), reference.cases.modules.logits_last);
}

describe('generation', () => {
  it.each([
    ['a step past the end', 9, /there is no step 9\. This generation has the steps 0 to 2/],
    ['a negative step', -1, /there is no step -1/],
    ['half a step', 0.5, /there is no step 0\.5/],
  ])('%s', (_, step, says) =>
    fails(
      lm.generate(fact, { maxNewTokens: 3, stopTokens: [] }, (tracer) => {
        for (const _ of tracer.iter(step)) lm.transformer.h[0].output *= 2;
      }),
      says,
    ),
  );

  it('steps of a list past the end', () =>
    fails(
      lm.generate(fact, { maxNewTokens: 3, stopTokens: [] }, (tracer) => {
        for (const _ of tracer.iter([0, 3])) lm.transformer.h[0].output *= 2;
      }),
      /iter\(\[0,3\]\): there is no step 3/,
    ));

  it('a range that goes backwards or starts below zero', async () => {
    await fails(
      lm.generate(fact, { maxNewTokens: 3, stopTokens: [] }, (tracer) => {
        for (const _ of tracer.iter(2, 0, -1)) lm.transformer.h[0].output *= 2;
      }),
      /the distance between steps is a positive integer, not -1/,
    );
    await fails(
      lm.generate(fact, { maxNewTokens: 3, stopTokens: [] }, (tracer) => {
        for (const _ of tracer.iter(-2, 2)) lm.transformer.h[0].output *= 2;
      }),
      /there is no step -2/,
    );
  });

  it('next() past the end', async () => {
    await fails(
      lm.generate(fact, { maxNewTokens: 2, stopTokens: [] }, (tracer) => {
        tracer.next(2);
      }),
      /next\(\): there is no step 2/,
    );
    await fails(
      lm.generate(fact, { maxNewTokens: 2, stopTokens: [] }, () => {
        save(lm.lm_head.next(2).output);
      }),
      /lm_head\.next\(\): the generation has no further step/,
    );
  });

  it('next() outside of a generation', () =>
    fails(
      lm.trace(clean, () => save(lm.lm_head.next().output)),
      /lm_head\.next\(\) works in the block of model\.generate\(…\) only/,
    ));

  it('an empty prompt', async () => {
    for (const run of [() => lm.generate(''), () => lm.trace('', () => save(lm.lm_head.output))]) {
      await expect(run()).rejects.toThrow(/empty/);
    }
  });

  it('a prompt that is longer than the context, and one with too little room behind it', async () => {
    const long = [Array.from({ length: 70 }, () => 5)];
    await expect(lm.generate(long)).rejects.toThrow(/64/);
    const nearly = [Array.from({ length: 60 }, () => 5)];
    await expect(lm.generate(nearly, { maxNewTokens: 10 })).rejects.toThrow(/60 tokens and 10 new ones.*64/);
    const { tokens } = await lm.generate(nearly, { maxNewTokens: 4, stopTokens: [] });
    expect(tokens[0]).toHaveLength(4);
  });

  it('stopped half-way: the promise is rejected with the reason, and the model goes on', async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const stopped = lm.generate(fact, {
      maxNewTokens: 10,
      stopTokens: [],
      signal: controller.signal,
      onToken: ({ id }) => {
        if (seen.push(id) === 3) controller.abort(new Error('enough'));
      },
    });
    await expect(stopped).rejects.toThrow('enough');
    expect(seen).toHaveLength(3);
    expectClose(await lm.trace(clean, () => save(lm.lm_head.output['0, -1'])), reference.cases.modules.logits_last);
  });

  it('a wrong option', async () => {
    await expect(lm.generate(fact, { maxNewTokens: 0 })).rejects.toThrow(
      /maxNewTokens of generate is a whole number from 1 on, not 0/,
    );
    for (const maxNewTokens of ['5', 5n, Symbol('five')] as never[]) {
      await expect(lm.generate(fact, { maxNewTokens })).rejects.toThrow(TraceError);
      await expect(lm.generate(fact, { topK: maxNewTokens })).rejects.toThrow(TraceError);
    }
    await expect(lm.generate(fact, { max_new_tokens: 3 } as never)).rejects.toThrow(
      /no option 'max_new_tokens'; did you mean maxNewTokens/,
    );
  });
});
