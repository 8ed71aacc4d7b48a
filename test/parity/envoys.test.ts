import { LanguageModel, NNsight, save, type Traced } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, TOY } from '../support/toy.ts';
import { fact, loadSmall, parity, prompts } from './support.ts';

/** The heads of an attention, as a view of what goes into the projection behind them. */
class Heads {
  declare input: Traced;

  get heads(): Traced {
    return this.input.unflatten(-1, [4, 32]);
  }

  set heads(value: Traced) {
    this.input = value.flatten(-2);
  }
}

/** A class of its own that has what another one has. */
class Norms extends Heads {
  norms() {
    'use trace';
    return this.heads.norm(2, -1) * 1;
  }
}

const load = (envoys: Record<string, abstract new () => object>) => LanguageModel.load(TOY, { device: 'cpu', envoys });

describe('envoys: properties that modules get from classes', () => {
  it('a view of heads, read and written through, at every path that ends so', async () => {
    const lm = await load({ 'attn.c_proj': Heads });
    const logits = await lm.trace((tracer) =>
      prompts.map((prompt, i) =>
        tracer.invoke(prompt, () => {
          lm.transformer.h[1].attn.c_proj.heads[`..., ${i}, :`] = 0;
          return save(lm.lm_head.output['0, -1']);
        }),
      ),
    );
    for (const [i, one] of logits.entries()) expectClose(one, parity.heads_in_batch.logits[i]);
  });

  it('set as a whole, by a setter', async () => {
    const lm = await load({ 'h.1.attn.c_proj': Norms });
    const { logits, norms } = await lm.trace(prompts[0]!, () => {
      const { c_proj } = lm.transformer.h[1].attn;
      const kept = c_proj.heads.clone();
      kept['..., 0, :'] = 0;
      c_proj.heads = kept;
      return { logits: save(lm.lm_head.output['0, -1']), norms: save(c_proj.norms()['0, -1']) };
    });
    expectClose(logits, parity.heads_in_batch.logits[0]);
    expect(norms.data[0]).toBe(0);
    expect(norms.data[1]).toBeGreaterThan(0.01);
    expect('heads' in lm.transformer.h[1].attn.c_proj && !('heads' in lm.transformer.h[0].attn.c_proj)).toBe(true);
  });

  it('of modules of a Python class, where the file tells it', async () => {
    const path = new URL('../fixtures/zoo/mlp.dynamo.onnx', import.meta.url).pathname;
    const plain = await loadSmall('zoo/mlp.dynamo');
    class First {
      declare output: Traced;
      get first(): Traced {
        return this.output['0, 0'];
      }
    }
    const model = await NNsight.load(path, { device: 'cpu', envoys: { Linear: First } });
    const x = parity.mlp.x.data.slice(0, 5);
    const found = await model.trace([x], () => [save(model.layer1.first), save(model.layer2.first)]);
    const wanted = await plain.trace([x], () => [save(plain.layer1.output), save(plain.layer2.output)]);
    expect(found.map((one) => one.item())).toEqual(wanted.map((one) => one.data[0]));
  });

  it('mistakes', async () => {
    await expect(load({ 'attn.c_prog': Heads })).rejects.toThrow(
      /envoys: there is no module of the class 'attn\.c_prog'/,
    );
    class Output {
      get output() {
        return 1;
      }
    }
    await expect(load({ attn: Output })).rejects.toThrow(
      /envoys: transformer\.h\.0\.attn cannot have a property 'output'/,
    );
    await expect(load({ attn: 5 as never })).rejects.toThrow(/envoys: 'attn' is given 5, not a class/);
    await expect(load({ attn: (() => {}) as never })).rejects.toThrow(
      /envoys: 'attn' is given a function, not a class/,
    );
    const lm = await load({ 'attn.c_proj': Norms });
    const wrong = lm.trace(fact, () => {
      lm.transformer.h[1].attn.c_proj.norms = 1;
    });
    await expect(wrong).rejects.toThrow(/envoys\.test\.ts:\d+:\d+ - A property 'norms' cannot be defined/);
  });
});
