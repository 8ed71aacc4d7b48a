import { save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, loadToy, reference } from '../support/toy.ts';
import { clean, fact, loadSmall } from './support.ts';

const lm = await loadToy();
const mlp = await loadSmall('zoo/mlp.ts');
const x = [[0.1, 0.2, 0.3, 0.4, 0.5]];

describe('stop: the trace ends early', () => {
  it('what was saved before comes back, what is saved after does not', async () => {
    const { before, after } = await mlp.trace(x, (tracer) => {
      const before = save(mlp.layer1.output);
      tracer.stop();
      return { before, after: save(mlp.layer2.output) };
    });
    expect(before.dims).toEqual([1, 10]);
    expect(after).toBeUndefined();
  });

  it('a saved value after it errs when it is read', async () => {
    let late: { readonly data: unknown } | undefined;
    await mlp.trace(x, (tracer) => {
      save(mlp.layer1.output);
      tracer.stop();
      late = save(mlp.layer2.output);
    });
    expect(() => late!.data).toThrow(/stop\.test\.ts:\d+:\d+ - .*was saved after stop\(\)/);
  });

  it('with nothing saved before, nothing comes back', async () => {
    const nothing = await mlp.trace(x, (tracer) => {
      tracer.stop();
      return { never: save(mlp.layer1.output) };
    });
    expect(nothing).toEqual({ never: undefined });
  });

  it('writes after it are no mistake', async () => {
    const before = await lm.trace(clean, (tracer) => {
      const before = save(lm.transformer.h[1].output);
      tracer.stop();
      lm.transformer.h[2].output *= 0;
      return before;
    });
    expect(before.dims).toEqual([1, 15, 128]);
  });

  it('in a plain loop that the block leaves', async () => {
    const layers = await lm.trace(clean, (tracer) => {
      const layers = [];
      for (const [i, layer] of [...lm.transformer.h].entries()) {
        if (i === 2) {
          tracer.stop();
          break;
        }
        layers.push(save(layer.output));
      }
      return layers;
    });
    expect(layers).toHaveLength(2);
  });

  it('needs no stop to save time: what nobody saved is not computed', async () => {
    const graph = await lm.graph(clean, () => save(lm.transformer.h[0].output));
    expect(String(graph)).not.toContain('h.1');
    const first = await lm.trace(clean, () => save(lm.transformer.h[0].output));
    expectClose(first, reference.cases.modules.modules['transformer.h.0'].output);
  });

  it('under a traced condition is an error that says what to do', async () => {
    const late = lm.trace(clean, (tracer) => {
      if (lm.transformer.h[0].output.norm() > 1) tracer.stop();
      return save(lm.lm_head.output);
    });
    await expect(late).rejects.toThrow(
      /stop\.test\.ts:\d+:\d+ - stop\(\) stands in a branch or loop that depends on a traced value\. Return from the block there instead/,
    );
  });

  it('return under a traced condition does it', async () => {
    const early = await lm.trace(clean, () => {
      const first = save(lm.transformer.h[0].output['0, -1']);
      if (lm.transformer.h[0].output.norm() > 1) return { first };
      return { first, second: save(lm.transformer.h[1].output) };
    });
    expect(early).toEqual({ first: expect.anything() });
  });

  it('a generation ends with the step in which it stops', async () => {
    const { tokens, result } = await lm.generate(fact, { maxNewTokens: 5, stopTokens: [] }, (tracer) => {
      const logits = [];
      for (const step of tracer.iter()) {
        logits.push(save(lm.lm_head.output[':, -1'].argmax(-1)));
        if (step === 1) {
          tracer.stop();
          break;
        }
      }
      return logits;
    });
    expect(tokens[0]).toEqual(reference.cases.generate.plain.slice(-8, -6));
    expect(result.map((id) => Number(id.item()))).toEqual(tokens[0]);
  });
});
