import { save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, loadToy, reference } from '../support/toy.ts';
import { clean, fact, loadSmall, parity } from './support.ts';

/** A sparse autoencoder for the width of the toy GPT-2, attached behind its first block. */
async function withSae(kind: 'ts' | 'dynamo' = 'ts') {
  const lm = await loadToy();
  lm.transformer.h[0].sae = await loadSmall(`zoo/sae.${kind}`);
  return lm;
}

describe('another ONNX model attached as a module', () => {
  it.each(['ts', 'dynamo'] as const)(
    'is called in a block, and its own modules are read after the call (%s)',
    async (kind) => {
      const lm = await withSae(kind);
      const { sae } = lm.transformer.h[0];
      const { features, logits } = await lm.trace(clean, () => {
        lm.transformer.h[0].output = sae(lm.transformer.h[0].output);
        return { features: save(sae.relu.output['0, -1']), logits: save(lm.lm_head.output['0, -1']) };
      });
      expectClose(features, parity.sae.features);
      expectClose(logits, parity.sae.plain);
    },
  );

  it('its features can be clamped', async () => {
    const lm = await withSae();
    const { sae } = lm.transformer.h[0];
    const logits = await lm.trace(clean, () => {
      lm.transformer.h[0].output = sae(lm.transformer.h[0].output);
      sae.relu.output['..., 7'] = 5;
      return save(lm.lm_head.output['0, -1']);
    });
    expectClose(logits, parity.sae.clamped);
  });

  it('in an edit: later traces hook into its modules', async () => {
    const lm = await withSae();
    const { sae } = lm.transformer.h[0];
    const edited = lm.edit(() => {
      lm.transformer.h[0].output = sae(lm.transformer.h[0].output);
    });
    const { features, plain } = await edited.trace(clean, () => ({
      features: save(sae.relu.output['0, -1']),
      plain: save(lm.lm_head.output['0, -1']),
    }));
    expectClose(features, parity.sae.features);
    expectClose(plain, parity.sae.plain);
    const clamped = await edited.trace(clean, () => {
      sae.relu.output['..., 7'] = 5;
      return save(lm.lm_head.output['0, -1']);
    });
    expectClose(clamped, parity.sae.clamped);
  });

  it('at every step of a generation', async () => {
    const lm = await withSae();
    const { sae } = lm.transformer.h[0];
    const { tokens } = await lm.generate(fact, { maxNewTokens: 4, stopTokens: [] }, (tracer) => {
      for (const _ of tracer.all()) {
        lm.transformer.h[0].output = sae(lm.transformer.h[0].output);
        sae.relu.output['..., 7'] = 5;
      }
    });
    expect(tokens).toEqual(parity.sae.generated.tokens);
  });

  it('reading it changes nothing, and what is read needs nothing after it', async () => {
    const lm = await withSae();
    const { sae } = lm.transformer.h[0];
    const { features, logits } = await lm.trace(clean, () => {
      sae(lm.transformer.h[0].output);
      return { features: save(sae.relu.output['0, -1']), logits: save(lm.lm_head.output['0, -1']) };
    });
    expectClose(features, parity.sae.features);
    expectClose(logits, reference.cases.modules.logits_last);
  });

  it('runs on its own, too', async () => {
    const lm = await withSae();
    const { sae } = lm.transformer.h[0];
    const hidden = await lm.trace(clean, () => save(lm.transformer.h[0].output));
    const features = await sae.trace(hidden, () => save(sae.relu.output['0, -1']));
    expectClose(features, parity.sae.features);
  });
});

describe('an attached model: mistakes', () => {
  it('its modules before the call', async () => {
    const lm = await withSae();
    const { sae } = lm.transformer.h[0];
    const early = lm.trace(clean, () => save(sae.relu.output));
    await expect(early).rejects.toThrow(/attached\.test\.ts:\d+:\d+ - relu .*Call that model on a value first/);
  });

  it('a model that is not attached', async () => {
    const lm = await loadToy();
    const sae = await loadSmall('zoo/sae.ts');
    const loose = lm.trace(clean, () => save(sae(lm.transformer.h[0].output)));
    await expect(loose).rejects.toThrow(/attached\.test\.ts:\d+:\d+ - .*Attach it before the trace/);
  });

  it('a value that its input cannot hold', async () => {
    const lm = await withSae();
    const wide = lm.trace(clean, () => save(lm.transformer.h[0].sae(lm.lm_head.output)));
    await expect(wide).rejects.toThrow(/attached\.test\.ts:\d+:\d+ - The input 'x' of the model has dims/);
  });

  it('too many values', async () => {
    const lm = await withSae();
    const { output } = { output: 1 };
    const many = lm.trace(clean, () => save(lm.transformer.h[0].sae(lm.transformer.h[0].output, output)));
    await expect(many).rejects.toThrow(/attached\.test\.ts:\d+:\d+ - .* takes 1 inputs \(x\), but 2 are given/);
  });

  it('a name that is taken', async () => {
    const lm = await loadToy();
    const sae = await loadSmall('zoo/sae.ts');
    expect(() => {
      lm.transformer.h[0].mlp = sae;
    }).toThrow(/transformer\.h\.0\.mlp is there already/);
  });
});
