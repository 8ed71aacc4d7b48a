import { type Loose, type NNsight, save, type Tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, loadToy, reference } from '../support/toy.ts';
import { clean, difference, expectSteps, fact, france, loadSmall, parity } from './support.ts';

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

  it('one model for each of two places: each has its own features', async () => {
    const lm = await loadToy();
    const { h } = lm.transformer;
    h[0].sae = await loadSmall('zoo/sae.ts');
    h[2].sae = await loadSmall('zoo/sae.ts');
    const inputs = await lm.trace(clean, () => [save(h[0].output), save(h[2].output)]);
    const sae = await loadSmall('zoo/sae.ts');
    const found = await lm.trace(clean, () => {
      h[0].sae(h[0].output);
      h[2].sae(h[2].output);
      return [save(h[0].sae.relu.output), save(h[2].sae.relu.output)];
    });
    for (const i of [0, 1]) {
      const alone = await sae.trace(inputs[i]!, () => save(sae.relu.output));
      expect(difference(found[i]!, alone)).toBeLessThan(1e-4);
    }
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

describe('an attached model with edits', () => {
  const clamped = (sae: Loose, inplace = false) =>
    sae.edit(
      () => {
        sae.relu.output['..., 7'] = 5;
      },
      { inplace },
    );

  it('has them wherever it is called', async () => {
    const lm = await loadToy();
    const plain = await loadSmall('zoo/sae.ts');
    const edited = clamped(plain);
    lm.transformer.h[0].sae = edited;
    const logits = await lm.trace(clean, () => {
      lm.transformer.h[0].output = edited(lm.transformer.h[0].output);
      return save(lm.lm_head.output['0, -1']);
    });
    expectClose(logits, parity.sae.clamped);
  });

  it('has those made in place after it was attached, and no others when they are cleared', async () => {
    const lm = await withSae();
    const { sae } = lm.transformer.h[0];
    clamped(sae, true);
    const run = () =>
      lm.trace(clean, () => {
        lm.transformer.h[0].output = sae(lm.transformer.h[0].output);
        return save(lm.lm_head.output['0, -1']);
      });
    expectClose(await run(), parity.sae.clamped);
    sae.clearEdits();
    expectClose(await run(), parity.sae.plain);
  });

  it('has them in an edit of the model around, and before what the block sets', async () => {
    const lm = await withSae();
    const { sae } = lm.transformer.h[0];
    clamped(sae, true);
    const edited = lm.edit(() => {
      lm.transformer.h[0].output = sae(lm.transformer.h[0].output);
    });
    expectClose(await edited.trace(clean, () => save(lm.lm_head.output['0, -1'])), parity.sae.clamped);
    const seven = await edited.trace(clean, () => {
      const before = save(sae.relu.output['0, -1, 7'] * 1);
      sae.relu.output['..., 7'] += 1;
      return [before, save(sae.relu.output['0, -1, 7'])];
    });
    expect(seven.map((one) => one.item())).toEqual([5, 6]);
  });

  it('cannot be called in a branch, where its edits could not stand', async () => {
    const lm = await withSae();
    const { sae } = lm.transformer.h[0];
    clamped(sae, true);
    const inBranch = lm.trace(clean, () => {
      const hidden = lm.transformer.h[0].output;
      if (hidden.norm() > 0) lm.transformer.h[0].output = sae(hidden);
      return save(lm.lm_head.output['0, -1']);
    });
    await expect(inBranch).rejects.toThrow(/attached\.test\.ts:\d+:\d+ - A model that has edits is called in the body/);
  });
});

describe('an attached model that is called twice', () => {
  it('runs twice, and its modules are those of the last call', async () => {
    const lm = await withSae();
    const { sae } = lm.transformer.h[0];
    const { first, second, features } = await lm.trace(clean, () => {
      const hidden = lm.transformer.h[0].output;
      const first = sae(hidden);
      sae.relu.output['..., 7'] = 5;
      const second = sae(hidden * 1);
      return { first: save(first), second: save(second), features: save(sae.relu.output['0, -1']) };
    });
    const alone = await lm.trace(clean, () => save(sae(lm.transformer.h[0].output)));
    const changed = await lm.trace(clean, () => {
      const output = sae(lm.transformer.h[0].output);
      sae.relu.output['..., 7'] = 5;
      return save(output);
    });
    expect(second.data).toEqual(alone.data);
    expect(first.data).toEqual(changed.data);
    expectClose(features, parity.sae.features);
  });
});

describe('an attached model in an invoke', () => {
  it('runs on the rows of the invoke', async () => {
    const lm = await withSae();
    const { sae } = lm.transformer.h[0];
    const found = await lm.trace((tracer) => {
      const one = tracer.invoke(clean, () => {
        lm.transformer.h[0].output = sae(lm.transformer.h[0].output);
        return save(lm.lm_head.output['0, -1']);
      });
      const two = tracer.invoke(clean, () => save(lm.lm_head.output['0, -1']));
      const three = tracer.invoke(clean, () => {
        lm.transformer.h[0].output = sae(lm.transformer.h[0].output);
        sae.relu.output['..., 7'] = 5;
        return save(lm.lm_head.output['0, -1']);
      });
      return [one, two, three];
    });
    expectClose(found[0], parity.sae.plain);
    expectClose(found[1], reference.cases.modules.logits_last);
    expectClose(found[2], parity.sae.clamped);
  });
});

/** One autoencoder attached behind two blocks. */
async function atTwoPlaces() {
  const lm = await loadToy();
  const { h } = lm.transformer;
  const sae = await loadSmall('zoo/sae.ts');
  h[0].sae = sae;
  h[2].sae = sae;
  const both = () => {
    'use trace';
    for (const i of [0, 2]) h[i].output = h[i].sae(h[i].output);
  };
  return { lm, h, sae, both };
}

const twoPlaces = await atTwoPlaces();

describe('one model attached at two places', () => {
  const { attached } = parity;

  it('has features of its own at each', async () => {
    const { lm, h, both } = twoPlaces;
    const { features, logits } = await lm.trace(clean, () => {
      both();
      const features = [save(h[0].sae.relu.output['0, -1']), save(h[2].sae.relu.output['0, -1'])];
      return { features, logits: save(lm.lm_head.output['0, -1']) };
    });
    for (const i of [0, 1]) expectClose(features[i]!, attached.features[i]);
    expectClose(logits, attached.plain);
  });

  it.each([0, 1])('is changed at one of them: %s', async (i) => {
    const { lm, h, both } = twoPlaces;
    const logits = await lm.trace(clean, () => {
      both();
      h[2 * i].sae.relu.output['..., 7'] = 5;
      return save(lm.lm_head.output['0, -1']);
    });
    expectClose(logits, attached.clamped[i]);
  });

  it('its calls in the order in which they were made', async () => {
    const { lm, h, sae, both } = twoPlaces;
    const { features, logits, count } = await lm.trace(clean, () => {
      both();
      const features = [save(sae.calls[0].relu.output['0, -1'] * 1), save(sae.relu.calls[-1].output['0, -1'] * 1)];
      h[2].sae.calls[0].relu.output['..., 7'] = 5;
      return { features, logits: save(lm.lm_head.output['0, -1']), count: [sae.calls.length, h[0].sae.calls.length] };
    });
    for (const i of [0, 1]) expectClose(features[i]!, attached.features[i]);
    expectClose(logits, attached.clamped[1]);
    expect(count).toEqual([2, 1]);
  });

  it('in an edit, for what later traces set', async () => {
    const { lm, h, both } = twoPlaces;
    const edited = lm.edit(both);
    const logits = await edited.trace(clean, () => {
      h[2].sae.relu.output['..., 7'] = 5;
      return save(lm.lm_head.output['0, -1']);
    });
    expectClose(logits, attached.clamped[1]);
  });

  it('in invokes, where each prompt is padded', async () => {
    const { lm, h, both } = twoPlaces;
    const found = await lm.trace((tracer) => {
      const one = tracer.invoke(fact, () => {
        both();
        return save(lm.lm_head.output['0, -1']);
      });
      const two = tracer.invoke(france, () => {
        both();
        h[2].sae.relu.output['..., 7'] = 5;
        return save(lm.lm_head.output['0, -1']);
      });
      return [one, two];
    });
    expectClose(found[0]!, attached.fact);
    expectClose(found[1]!, attached.france);
  });

  it('in each step of a generation', async () => {
    const { lm, h, both } = twoPlaces;
    const { tokens, result } = await lm.generate(fact, { maxNewTokens: 4, stopTokens: [] }, (tracer) => {
      const logits = [];
      for (const _ of tracer.all()) {
        both();
        h[2].sae.relu.output['..., 7'] = 5;
        logits.push(save(lm.lm_head.output[':, -1']));
      }
      return logits;
    });
    expect(tokens).toEqual(attached.generated.tokens);
    expectSteps(result, attached.generated.logits);
  });

  it('is read at a place only where it was called there', async () => {
    const { lm, h } = twoPlaces;
    const missing = lm.trace(clean, () => {
      h[0].sae(h[0].output);
      return save(h[2].sae.relu.output);
    });
    await expect(missing).rejects.toThrow(
      /attached\.test\.ts:\d+:\d+ - relu belongs to the model attached as transformer\.h\.2\.sae, which was not called here/,
    );
  });

  it('is not that of another invoke', async () => {
    const { lm, h } = twoPlaces;
    const other = lm.trace((tracer) => {
      tracer.invoke(fact, () => void h[0].sae(h[0].output));
      return tracer.invoke(france, () => save(h[0].sae.relu.output));
    });
    await expect(other).rejects.toThrow(/attached\.test\.ts:\d+:\d+ - relu .*in an invoke after a call of its own/);
    const unclear = lm.trace((tracer) => {
      for (const prompt of [fact, france]) tracer.invoke(prompt, () => void h[0].sae(h[0].output));
      return tracer.invoke(() => save(h[0].sae.relu.output));
    });
    await expect(unclear).rejects.toThrow(/attached\.test\.ts:\d+:\d+ - relu was called in several invokes/);
    const dims = await lm.trace((tracer) => {
      for (const prompt of [fact, [france, france]]) tracer.invoke(prompt, () => void h[0].sae(h[0].output));
      return tracer.invoke(() => h[0].sae.calls.map((call: NNsight) => save(call.relu.output)));
    });
    expect(dims.map((one: Tensor) => one.dims[0])).toEqual([1, 2]);
  });
});

describe('the output of an attached model, set', () => {
  const { attached } = parity;

  it.each<[string, (sae: NNsight) => void]>([
    [
      'scaled',
      (sae) => {
        'use trace';
        sae.output *= 0.5;
      },
    ],
    [
      'in place',
      (sae) => {
        'use trace';
        sae.output['...'] *= 0.5;
      },
    ],
    [
      'at its last module',
      (sae) => {
        'use trace';
        sae.decoder.output *= 0.5;
      },
    ],
    [
      'by skip',
      (sae) => {
        'use trace';
        sae.skip(sae.output * 0.5);
      },
    ],
    [
      'with its inner modules',
      (sae) => {
        'use trace';
        sae.output = sae.output * 0.5 + 0 * sae.relu.output.sum();
      },
    ],
  ])('reaches what follows: %s', async (_, halve) => {
    const { lm, h, both } = twoPlaces;
    const edited = lm.edit(both);
    const change = () => {
      'use trace';
      const early = lm.lm_head.output;
      halve(h[0].sae);
      return save(early['0, -1']);
    };
    expectClose(await edited.trace(clean, () => change()), attached.halved);
    const whole = await lm.trace(clean, () => {
      both();
      return change();
    });
    expectClose(whole, attached.halved);
    const sum = await lm.trace(clean, () => {
      h[0].output += h[0].sae(h[0].output);
      return change();
    });
    expectClose(sum, attached.mixed);
  });

  it('reaches what was made of it; what it is itself computed from stays', async () => {
    const { lm, h } = twoPlaces;
    const found = await lm.trace(clean, () => {
      const given = h[0].sae(h[0].output);
      const before = h[0].sae.output;
      const double = given * 2;
      h[0].sae.output = double + 1;
      return { given: save(given), before: save(before), after: save(h[0].sae.output), triple: save(given * 3) };
    });
    const values = Object.fromEntries(Object.entries(found).map(([name, { data }]) => [name, Number(data[0])]));
    expect(values.given).toBeCloseTo(values.before! * 2 + 1, 4);
    expect(values.after).toBe(values.given);
    expect(values.triple).toBeCloseTo(values.given! * 3, 3);
  });

  it('is the tensor that the call gave: changed in place there, it is changed here', async () => {
    const { lm, h } = twoPlaces;
    const found = await lm.trace(clean, () => {
      const given = h[0].sae(h[0].output);
      const before = save(given * 1);
      given['..., 0'] = 7;
      return [before, save(h[0].sae.output), save(h[0].sae.decoder.output)];
    });
    expect(found[0]!.data[0]).not.toBe(7);
    expect(found.slice(1).map((one) => one.data[0])).toEqual([7, 7]);
  });
});
