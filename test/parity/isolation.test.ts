import { backward, save, sub } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, loadToy, reference } from '../support/toy.ts';
import { clean, corrupt, difference, fact, parity } from './support.ts';

const { modules, scale } = reference.cases;

describe('traces, models and sessions do not meet', () => {
  it('twenty traces at once on one model, each with its own intervention', async () => {
    const lm = await loadToy();
    const factors = Array.from({ length: 20 }, (_, i) => i / 10);
    const run = (factor: number) =>
      lm.trace(clean, () => {
        lm.transformer.h[1].output *= factor;
        return save(lm.lm_head.output['0, -1']);
      });
    const together = await Promise.all(factors.map(run));
    expectClose(together[5]!, scale.logits_last);
    expectClose(together[10]!, modules.logits_last);
    for (const [i, factor] of factors.entries()) expect(difference(together[i]!, await run(factor))).toBeLessThan(1e-5);
  });

  it('a trace, an invoke, a session, an edit, a scan and a generation at once', async () => {
    const lm = await loadToy();
    const edited = lm.edit(() => {
      lm.transformer.h[1].output *= 0.5;
    });
    const last = () => {
      'use trace';
      return save(lm.lm_head.output['0, -1']);
    };
    const [trace, invoke, session, edit, shape, generated] = await Promise.all([
      lm.trace(clean, last),
      lm.trace((tracer) => [tracer.invoke(corrupt, () => {}), tracer.invoke(clean, last)] as const),
      lm.session((session) => session.trace(clean, last)),
      edited.trace(clean, last),
      lm.scan(clean, () => lm.lm_head.output),
      lm.generate(fact, { maxNewTokens: 6, stopTokens: [] }),
    ]);
    for (const logits of [trace, invoke[1], session]) expectClose(logits, modules.logits_last);
    expectClose(edit, parity.edits.one);
    expect(shape.dims).toEqual([1, 15, 189]);
    expect(generated.tokens).toEqual(parity.generate_cached.plain.tokens);
  });

  it('two models of one file, one of them edited', async () => {
    const [one, two] = await Promise.all([loadToy(), loadToy()]);
    one.edit(
      () => {
        one.transformer.h[1].output *= 0.5;
      },
      { inplace: true },
    );
    const run = (model: typeof one) => model.trace(clean, () => save(model.lm_head.output['0, -1']));
    const [a, b] = await Promise.all([run(one), run(two)]);
    expectClose(a, scale.logits_last);
    expectClose(b, modules.logits_last);
  });

  it('a module skipped, inner layers saved and gradients, in two models of one file at once', async () => {
    const [one, two, three] = await Promise.all([loadToy(), loadToy(), loadToy()]);
    const [skipped, layers, loss] = await Promise.all([
      one.trace(clean, () => {
        one.transformer.h[2].skip(one.transformer.h[2].input);
        return save(one.lm_head.output['0, -1']);
      }),
      two.trace(clean, () => [0, 1, 2, 3].map((i) => save(two.transformer.h[i].output.norm()))),
      three.trace(clean, () => {
        const logits = three.lm_head.output['0, -1'];
        const [mary, john] = ['Mary', 'John'].map((name) => three.tokenizer.token_to_id(name)!);
        backward(sub(logits[mary!], logits[john!]));
        return [0, 1, 2, 3].map((i) => save(three.transformer.h[i].output.grad.norm()));
      }),
    ]);
    expectClose(skipped, reference.cases.skip.logits_last);
    const plain = await three.trace(clean, () => [0, 1, 2, 3].map((i) => save(three.transformer.h[i].output.norm())));
    expect(layers.map((norm) => norm.item())).toEqual(plain.map((norm) => norm.item()));
    for (const [i, { norm }] of reference.cases.gradients.grads.entries()) expect(loss[i]!.item()).toBeCloseTo(norm, 3);
  });

  it('a trace that fails leaves nothing behind for the one beside it', async () => {
    const lm = await loadToy();
    const [good, bad, again] = await Promise.allSettled([
      lm.trace(clean, () => save(lm.lm_head.output['0, -1'])),
      lm.trace(clean, () => {
        lm.transformer.h[1].output *= 0;
        return save(lm.transformer.h[1].output[':, 99']);
      }),
      lm.trace(clean, () => save(lm.lm_head.output['0, -1'])),
    ]);
    expect(bad.status).toBe('rejected');
    for (const one of [good, again]) {
      expect(one.status).toBe('fulfilled');
      if (one.status === 'fulfilled') expectClose(one.value, modules.logits_last);
    }
  });
});
