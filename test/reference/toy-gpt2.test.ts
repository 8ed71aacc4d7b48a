import { cat, mean, norm, save, type Tensor, topk } from 'onnsight';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Expected, expectClose, expectEffect, loadToy, reference } from '../support/toy.ts';

const { cases, ids } = reference;
let lm: Awaited<ReturnType<typeof loadToy>>;
const clean = { input_ids: [ids.clean] };
const corrupt = { input_ids: [ids.corrupt] };

beforeAll(async () => {
  lm = await loadToy();
});

describe('interventions on the toy GPT-2 agree with PyTorch', () => {
  it('modules: every input and output', async () => {
    let compared = 0;
    for (const [path, ports] of Object.entries<Record<string, Expected>>(cases.modules.modules)) {
      if (path === 'transformer.drop' || path.includes('dropout')) continue;
      const got = await lm.trace(clean, () => {
        const module = lm.get(path);
        return { output: save(module.output), input: save(module.input) };
      });
      for (const port of ['output', 'input'] as const) {
        if (!ports[port]) continue;
        expectClose(got[port], ports[port]);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(70);
  });

  it('scale: a layer scaled by half', async () => {
    const logits = await lm.trace(clean, () => {
      lm.transformer.h[1].output *= 0.5;
      return save(lm.lm_head.output['0, -1']);
    });
    expectEffect(cases.scale.logits_last);
    expectClose(logits, cases.scale.logits_last);
  });

  it('zero_last: a slice set to zero in place', async () => {
    const logits = await lm.trace(clean, () => {
      lm.transformer.h[2].mlp.output[':, -1'] = 0;
      return save(lm.lm_head.output['0, -1']);
    });
    expectEffect(cases.zero_last.logits_last);
    expectClose(logits, cases.zero_last.logits_last);
  });

  it('head: one attention head ablated', async () => {
    const logits = await lm.trace(clean, () => {
      lm.transformer.h[1].attn.c_proj.input['..., 32:64'] = 0;
      return save(lm.lm_head.output['0, -1']);
    });
    expectEffect(cases.head.logits_last);
    expectClose(logits, cases.head.logits_last);
  });

  it('head: the same through a view by heads', async () => {
    const logits = await lm.trace(clean, () => {
      const z = lm.transformer.h[1].attn.c_proj.input;
      const [batch, sequence] = z.shape;
      z.view(batch, sequence, 4, 32)['..., 1, :'] = 0;
      return save(lm.lm_head.output['0, -1']);
    });
    expectClose(logits, cases.head.logits_last);
  });

  it('patching: layers × positions', async () => {
    const layers = await lm.trace(clean, () => [0, 1, 2, 3].map((i) => lm.transformer.h[i].output.save()));
    const { answer, wrong } = reference.prompts;
    const [a, b] = [lm.tokenizer.token_to_id(answer), lm.tokenizer.token_to_id(wrong)];
    const grid: number[][] = [];
    for (const [layer, saved] of (layers as Tensor[]).entries()) {
      const row: number[] = [];
      for (let k = 0; k < ids.clean.length; k++) {
        const difference = await lm.trace(corrupt, () => {
          lm.transformer.h[layer].output[`:, ${k}`] = saved[`:, ${k}`];
          const last = lm.lm_head.output['0, -1'];
          return save(last[a] - last[b]);
        });
        row.push(difference.item());
      }
      grid.push(row);
    }
    const flat = (cases.patching.grid as number[][]).flat();
    expect(Math.max(...flat) - Math.min(...flat)).toBeGreaterThan(1);
    grid.flat().forEach((value, i) => {
      expect(Math.abs(value - flat[i]!)).toBeLessThan(1e-4);
    });
  });

  it.each([
    ['taken_below', 0.5],
    ['taken_above', 2],
  ])('conditional: %s', async (side, factor) => {
    const threshold = cases.conditional.norm * factor;
    const logits = await lm.trace(clean, () => {
      if (lm.transformer.h[0].output.norm() > threshold) lm.transformer.h[1].output *= 0.5;
      else lm.transformer.h[1].output += 1;
      return save(lm.lm_head.output['0, -1']);
    });
    // A layer norm takes a constant shift out again, so only the first side moves the logits; they differ from each other.
    expectEffect(cases.conditional.taken_below);
    expectClose(logits, cases.conditional[side]);
  });

  it('loop: the long rows are added up', async () => {
    const got = await lm.trace(clean, () => {
      const rows = lm.transformer.h[1].output[0];
      const threshold = mean(norm(rows, -1));
      let sum = rows[0] * 0;
      let count = 0;
      for (const row of rows) {
        if (norm(row) > threshold) {
          sum += row;
          count++;
        }
      }
      lm.transformer.h[2].output += sum / count;
      return { sum: save(sum), count: save(count), logits: save(lm.lm_head.output['0, -1']) };
    });
    expect(got.count.item()).toBe(cases.loop.count);
    expectClose(got.sum, cases.loop.sum);
    expectEffect(cases.loop.logits_last);
    expectClose(got.logits, cases.loop.logits_last);
  });

  it('while: shrunk until short enough', async () => {
    const got = await lm.trace(clean, () => {
      let x = lm.transformer.h[0].output;
      let times = 0;
      while (norm(x) > 20) {
        x *= 0.7;
        times++;
      }
      lm.transformer.h[0].output = x;
      return { times: save(times), logits: save(lm.lm_head.output['0, -1']) };
    });
    expect(got.times.item()).toBe(cases.while.times);
    expectEffect(cases.while.logits_last);
    expectClose(got.logits, cases.while.logits_last);
  });

  it('logit_lens: the head on every layer', async () => {
    const layers = await lm.trace(clean, () => {
      const lens = [];
      for (const layer of lm.transformer.h) {
        const logits = lm.lm_head(lm.transformer.ln_f(layer.output))['0, -1'];
        const top = topk(logits, 5);
        lens.push({ values: save(top.values), indices: save(top.indices) });
      }
      return lens;
    });
    cases.logit_lens.layers.forEach((expected: { ids: number[]; logits: number[] }, i: number) => {
      expect(layers[i]!.indices.toArray()).toEqual(expected.ids);
      expectClose(layers[i]!.values, { dims: [5], data: expected.logits });
    });
  });

  it('skip: a layer left out', async () => {
    const logits = await lm.trace(clean, () => {
      lm.transformer.h[2].skip(lm.transformer.h[2].input);
      return save(lm.lm_head.output['0, -1']);
    });
    expectEffect(cases.skip.logits_last);
    expectClose(logits, cases.skip.logits_last);
  });

  it('attention: the pattern of a layer', async () => {
    const pattern = await lm.trace(clean, () => save(lm.transformer.h[1].attn.ops.Softmax.output));
    expectClose(pattern, cases.attention.pattern);
  });

  it('batch: prompt by prompt', async () => {
    const { fact, others } = reference.prompts;
    for (const [i, prompt] of [fact, ...others].entries()) {
      const logits = await lm.trace(prompt, () => save(lm.lm_head.output['0, -1']));
      expectClose(logits, cases.batch.logits_last[i]);
    }
  });

  it('cat joins what stands in different layers', async () => {
    const got = await lm.trace(clean, () => save(cat([lm.transformer.h[0].output, lm.transformer.h[1].output], -1)));
    expect(got.dims).toEqual([1, 15, 256]);
  });
});
