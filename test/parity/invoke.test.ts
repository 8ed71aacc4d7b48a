import { cat, save, stack, type Tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, loadToy, reference } from '../support/toy.ts';
import { clean, corrupt, difference, fact, france, loadSmall, parity, prompts, rows } from './support.ts';

const lm = await loadToy();
const mlp = await loadSmall('zoo/mlp.ts');
/** No directive: the compiler follows the name to where it is given as a block. */
const last = () => save(lm.lm_head.output[':, -1'] * 1);

describe('invoke: several inputs in one forward pass', () => {
  it('each block sees its own rows, of a batch whose prompts are padded on the left', async () => {
    const logits = await lm.trace((tracer) => prompts.map((prompt) => tracer.invoke(prompt, last)));
    for (const [i, expected] of reference.cases.batch.logits_last.entries()) {
      expectClose(logits[i]!, { dims: [1, ...expected.dims], data: expected.data });
    }
  });

  it('a block that is a function of the file by its name', async () => {
    const logits = await lm.trace((tracer) => [tracer.invoke(prompts[0]!, halved), tracer.invoke(prompts[0]!, last)]);
    const first = reference.cases.batch.logits_last[0];
    expectClose(logits[1]!, { dims: [1, ...first.dims], data: first.data });
    expectClose(logits[0]!, { dims: [1, ...first.dims], data: first.data.map((x: number) => x / 2) });
    function halved() {
      return save(lm.lm_head.output[':, -1'] / 2);
    }
  });

  it('a block by another name of it, and one of two by a condition', async () => {
    const halved = () => save(lm.lm_head.output[':, -1'] / 2);
    const doubled = () => save(lm.lm_head.output[':, -1'] * 2);
    const renamed = halved;
    const logits = await lm.trace((tracer) => [
      tracer.invoke(prompts[0]!, renamed),
      ...[true, false].map((isLess) => tracer.invoke(prompts[0]!, isLess ? renamed : doubled)),
      ...[true, false].map((isLess) =>
        tracer.invoke(prompts[0]!, isLess ? () => save(lm.lm_head.output[':, -1'] / 2) : doubled),
      ),
    ]);
    const first = reference.cases.batch.logits_last[0];
    for (const [i, factor] of [0.5, 0.5, 2, 0.5, 2].entries()) {
      expectClose(logits[i]!, { dims: [1, ...first.dims], data: first.data.map((x: number) => x * factor) });
    }
  });

  it('an invoke may have several rows, and the shapes are those of its rows', async () => {
    const shapes = await lm.trace((tracer) => {
      const one = tracer.invoke(fact, () => save(lm.transformer.h[0].output));
      const two = tracer.invoke([fact, france], () => save(lm.transformer.h[0].output));
      const all = tracer.invoke(() => save(lm.transformer.h[0].output));
      return { one, two, all };
    });
    expect(shapes.one.dims).toEqual([1, 9, 128]);
    expect(shapes.two.dims).toEqual([2, 9, 128]);
    expect(shapes.all.dims).toEqual([3, 9, 128]);
  });

  it('each block sets its own rows alone', async () => {
    const logits = await lm.trace((tracer) =>
      prompts.map((prompt, head) =>
        tracer.invoke(prompt, () => {
          lm.transformer.h[1].attn.c_proj.input[`..., ${32 * head}:${32 * head + 32}`] = 0;
          return last();
        }),
      ),
    );
    for (const [i, expected] of parity.heads_in_batch.logits.entries()) {
      expectClose(logits[i]!, { dims: [1, ...expected.dims], data: expected.data });
    }
  });

  it('sets by assignment, too, and by slices, in a model without tokenizer', async () => {
    const [x0, x1, x2] = rows(parity.mlp.x);
    const { outputs, hidden } = await mlp.trace((tracer) => {
      const first = tracer.invoke([x0!], () => {
        mlp.layer1.output = 1;
        return save(mlp.output);
      });
      const others = tracer.invoke([x1!, x2!], () => {
        mlp.layer1.output *= 2;
        return save(mlp.output);
      });
      return { outputs: [first, others], hidden: tracer.invoke(() => save(mlp.layer1.output)) };
    });
    const expected = rows(parity.mlp.mixed);
    expectClose(outputs[0]!, { dims: [1, 2], data: expected[0]! });
    expectClose(outputs[1]!, { dims: [2, 2], data: expected.slice(1).flat() });
    expect(hidden.dims).toEqual([3, 10]);
  });

  it('an invoke without input works on the whole batch', async () => {
    const logits = await lm.trace((tracer) => {
      const own = prompts.map((prompt) => tracer.invoke(prompt, () => lm.transformer.h[2].output));
      tracer.invoke(() => {
        const output = lm.transformer.h[2].output;
        output[':, -1'] += output[':, -1'].mean(0);
      });
      return { logits: tracer.invoke(last), own: own.map((output) => save(output['0, -1'])) };
    });
    expectClose(logits.logits, parity.batch_mean.logits);
    expect(logits.own).toHaveLength(3);
  });

  it('what stands in no invoke works on the whole batch', async () => {
    const { logits, rest } = await lm.trace((tracer) => {
      for (const prompt of prompts) tracer.invoke(prompt, () => {});
      const output = lm.transformer.h[2].output;
      output[':, -1'] += output[':, -1'].mean(0);
      return { logits: last(), rest: save(lm.lm_head.output.shape[0]) };
    });
    expectClose(logits, parity.batch_mean.logits);
    expect(rest).toBeDefined();
  });
});

describe('invoke: values cross between invokes without a barrier', () => {
  it('from an earlier invoke to a later one', async () => {
    const logits = await lm.trace((tracer) => {
      const hidden = tracer.invoke(clean, () => lm.transformer.h[1].output[':, -1']);
      return tracer.invoke(corrupt, () => {
        lm.transformer.h[1].output[':, -1'] = hidden;
        return last();
      });
    });
    expectClose(logits, { dims: [1, 189], data: parity.patch_across.corrupt.data });
  });

  it('from the second invoke to the first, with prompts of different lengths', async () => {
    const logits = await lm.trace((tracer) => {
      const before = tracer.invoke(fact, () => lm.transformer.h[2].output);
      const other = tracer.invoke(france, () => ({ hidden: lm.transformer.h[2].output[':, -1'], logits: last() }));
      before[':, -1'] = other.hidden;
      return { fact: save(lm.lm_head.output['0, -1']), france: other.logits };
    });
    expectClose(logits.fact, parity.patch_back.fact);
    expectClose(logits.france, { dims: [1, 189], data: parity.patch_back.france.data });
  });

  it("the token embeddings of another prompt: embeddings are set from an invoke's", async () => {
    const logits = await lm.trace((tracer) => {
      const embeddings = tracer.invoke(clean, () => lm.transformer.wte.output);
      return tracer.invoke(corrupt, () => {
        lm.transformer.wte.output = embeddings;
        return save(lm.lm_head.output['0, -1']);
      });
    });
    expectClose(logits, parity.embeddings.logits);
  });

  it('the whole grid of activation patching, layers by positions, is one batch', async () => {
    const answer = lm.tokenizer.token_to_id(reference.prompts.answer)!;
    const wrong = lm.tokenizer.token_to_id(reference.prompts.wrong)!;
    const positions = reference.ids.clean.length as number;
    const differences = await lm.trace((tracer) => {
      const layers = [0, 1, 2, 3];
      const hidden = tracer.invoke(clean, () => layers.map((layer) => lm.transformer.h[layer].output));
      const patched = layers.flatMap((layer) =>
        Array.from({ length: positions }, (_, position) =>
          tracer.invoke(corrupt, () => {
            lm.transformer.h[layer].output[`:, ${position}`] = hidden[layer]![`:, ${position}`];
            const logits = lm.lm_head.output['0, -1'];
            return logits[answer] - logits[wrong];
          }),
        ),
      );
      return save(stack(patched));
    });
    expectClose(differences, { dims: [60], data: reference.cases.patching.grid.flat() });
  });

  it('values of several invokes are joined to one', async () => {
    const joined = await lm.trace((tracer) => {
      const outputs = prompts.map((prompt) => tracer.invoke(prompt, () => lm.transformer.h[3].output));
      return { joined: save(cat(outputs, 0)), whole: save(lm.transformer.h[3].output) };
    });
    expect(difference(joined.joined, joined.whole)).toBe(0);
  });

  it('control flow inside an invoke is that of its rows', async () => {
    const results = await lm.trace((tracer) =>
      [clean, corrupt].map((prompt) =>
        tracer.invoke(prompt, () => {
          let count = 0;
          for (const row of lm.transformer.h[1].output[0]) if (row.norm() > 10) count++;
          if (lm.transformer.h[0].output.norm() > 1e6) lm.transformer.h[1].output *= 100;
          return { count: save(count), logits: last() };
        }),
      ),
    );
    const alone: { count: Tensor; logits: Tensor }[] = [];
    for (const prompt of [clean, corrupt]) {
      alone.push(
        await lm.trace(prompt, () => {
          let count = 0;
          for (const row of lm.transformer.h[1].output[0]) if (row.norm() > 10) count++;
          return { count: save(count), logits: last() };
        }),
      );
    }
    for (const [i, { count, logits }] of results.entries()) {
      expect(count.item()).toBe(alone[i]!.count.item());
      expect(difference(logits, alone[i]!.logits)).toBeLessThan(1e-4);
    }
  });

  it('a cycle between invokes is an error that names both lines', async () => {
    const cycle = lm.trace((tracer) => {
      const late = tracer.invoke(clean, () => lm.transformer.h[3].output);
      return tracer.invoke(corrupt, () => {
        lm.transformer.h[0].output = late;
        return last();
      });
    });
    await expect(cycle).rejects.toThrow(/invoke\.test\.ts:(\d+):\d+ - (.|\n)*invoke\.test\.ts:(?!\1)\d+/);
  });
});
