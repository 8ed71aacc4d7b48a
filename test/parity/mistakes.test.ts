import { InputError, save, TraceError } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, loadToy, reference } from '../support/toy.ts';
import { clean, corrupt, fact, loadSmall } from './support.ts';

const lm = await loadToy();
const mlp = await loadSmall('zoo/mlp.ts');
const row = [0.1, 0.2, 0.3, 0.4, 0.5];

/** Fails unless a promise is rejected at a line of this file, and the model can be traced afterwards. */
async function fails(promise: Promise<unknown>, says: RegExp): Promise<void> {
  const error = await promise.then(
    () => expect.fail('nothing was wrong'),
    (error: Error) => error,
  );
  expect(error).toBeInstanceOf(TraceError);
  expect(error.message).toMatch(/^test\/parity\/mistakes\.test\.ts:\d+:\d+ - /);
  expect(error.message).toMatch(says);
  expectClose(await lm.trace(clean, () => save(lm.lm_head.output['0, -1'])), reference.cases.modules.logits_last);
}

describe('invokes', () => {
  it('inputs that cannot be batched', async () => {
    const cnn = await loadSmall('zoo/gpt2.ts');
    const trace = cnn.trace((tracer) => {
      for (const ids of [
        [1, 2, 3],
        [4, 5],
      ])
        tracer.invoke({ input_ids: [ids], attention_mask: [ids.map(() => 1)] }, () => {});
      return save(cnn.output);
    });
    await expect(trace).rejects.toThrow(InputError);
    await expect(trace).rejects.toThrow(
      /^test\/parity\/mistakes\.test\.ts:\d+:\d+ - The inputs of the invokes cannot be batched: 'input_ids' is .*\[1, 3\] in the first and .*\[1, 2\] in number 1/,
    );
  });

  it('an input that does not fit, at the line of its invoke, or of its trace in a session', async () => {
    const invoke = mlp.trace((tracer) => {
      tracer.invoke([row], () => {});
      tracer.invoke([[1, 2]], () => {});
      return save(mlp.output);
    });
    await expect(invoke).rejects.toThrow(InputError);
    await expect(invoke).rejects.toThrow(/^test\/parity\/mistakes\.test\.ts:\d+:\d+ - .*must have size 5/);
    const session = mlp.session((session) => session.trace([[1, 2]], () => save(mlp.output)));
    await expect(session).rejects.toThrow(/^test\/parity\/mistakes\.test\.ts:\d+:\d+ - .*must have size 5/);
  });

  it('an input that is undefined, which is not the whole batch', () =>
    fails(
      lm.trace((tracer) => {
        tracer.invoke(clean, () => {});
        tracer.invoke(undefined as never, () => {
          lm.transformer.h[1].output *= 0;
        });
        return save(lm.lm_head.output);
      }),
      /The input of this invoke is undefined/,
    ));

  it('an invoke in an invoke', () =>
    fails(
      lm.trace((tracer) => {
        tracer.invoke(clean, () => {
          tracer.invoke(corrupt, () => {});
        });
        return save(lm.lm_head.output);
      }),
      /An invoke stands inside another one/,
    ));

  it('an invoke of what another one computes', () =>
    fails(
      lm.trace((tracer) => {
        let next: unknown;
        tracer.invoke(clean, () => {
          next = lm.lm_head.output.argmax(-1);
        });
        tracer.invoke({ input_ids: next } as never, () => {});
        return save(lm.lm_head.output);
      }),
      /given a value of the trace \(input_ids\).*Put two traces into a session/s,
    ));

  it('an invoke in a trace that has its inputs', () =>
    fails(
      lm.trace(clean, (tracer) => {
        tracer.invoke(corrupt, () => {});
        return save(lm.lm_head.output);
      }),
      /This trace has its inputs already/,
    ));

  it('an invoke under a traced condition', () =>
    fails(
      lm.trace((tracer) => {
        const norm = tracer.invoke(clean, () => lm.transformer.h[0].output.norm());
        if (norm > 1) tracer.invoke(corrupt, () => {});
        return save(lm.lm_head.output);
      }),
      /An invoke stands in a branch or loop that depends on a traced value/,
    ));

  it('no invoke at all', () =>
    fails(
      lm.trace(() => save(lm.lm_head.output)),
      /This trace has no input/,
    ));

  it('an invoke without a block', () =>
    fails(
      lm.trace((tracer) => {
        tracer.invoke(clean, undefined as never);
        return save(lm.lm_head.output);
      }),
      /invoke needs a block/,
    ));
});

describe('one thing inside another', () => {
  it('a trace in a trace', () =>
    fails(
      lm.trace(clean, () => {
        void lm.trace(corrupt, () => save(lm.lm_head.output));
        return save(lm.lm_head.output);
      }),
      /A trace is opened inside a block.*session\.trace/,
    ));

  it('a trace of another model in a trace', () =>
    fails(
      lm.trace(clean, () => {
        void mlp.trace([row]);
        return save(lm.lm_head.output);
      }),
      /A trace is opened inside a block/,
    ));

  it('a session in a session', () =>
    fails(
      lm.session((session) => {
        session.trace(clean, () => {});
        void lm.session(() => {});
      }),
      /A session is opened inside a block/,
    ));

  it('a trace in a session, not by the session', () =>
    fails(
      lm.session(() => {
        void lm.trace(clean, () => save(lm.lm_head.output));
      }),
      /A trace is opened inside a block.*session\.trace/,
    ));

  it('a generation in a trace', () =>
    fails(
      lm.trace(clean, () => {
        void lm.generate(fact);
        return save(lm.lm_head.output);
      }),
      /A generation is opened inside a block/,
    ));
});

describe('values at the wrong place', () => {
  it('of an invoke after its trace', async () => {
    let kept = 0;
    await lm.trace((tracer) => {
      kept = tracer.invoke(clean, () => lm.transformer.h[0].output);
      return save(lm.lm_head.output);
    });
    await fails(
      lm.trace(clean, () => {
        lm.transformer.h[1].output = kept;
        return save(lm.lm_head.output);
      }),
      /save\(\)/,
    );
  });

  it('of a session after it', async () => {
    let kept = 0;
    await lm.session((session) => {
      kept = session.trace(clean, () => lm.transformer.h[0].output);
    });
    await fails(
      lm.trace(clean, () => save(lm.transformer.h[1].output + kept)),
      /save\(\)/,
    );
  });

  it('of another model', async () => {
    const other = await loadToy();
    await fails(
      lm.trace(clean, () => save(other.transformer.h[0].output)),
      /belongs to another model/,
    );
  });

  it('of a later step in an earlier one', () =>
    fails(
      lm.generate(fact, { maxNewTokens: 4, stopTokens: [] }, (tracer) => {
        let late = 0;
        for (const _ of tracer.iter(2)) late = lm.transformer.h[0].output[':, -1'];
        for (const _ of tracer.iter(1)) lm.transformer.h[1].output[':, -1'] = late;
        return save(lm.lm_head.output);
      }),
      /later/,
    ));

  it('of a later module in an earlier one', () =>
    fails(
      lm.trace(clean, () => {
        lm.transformer.h[0].output = lm.transformer.h[2].output;
        return save(lm.lm_head.output);
      }),
      /transformer\.h\.0\.output/,
    ));
});
