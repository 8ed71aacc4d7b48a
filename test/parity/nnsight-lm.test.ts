import { all, backward, LanguageModel, type Loose, ones, relu, save, softmax, sum, Tensor, zerosLike } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, loadToy, reference, TOY } from '../support/toy.ts';
import { clean, fact, france, loadSmall } from './support.ts';

const lm = (await loadToy()) as Loose;
const { h } = lm.transformer;
const list = ({ data }: { data: ArrayLike<unknown> }) => Array.from(data, Number);
const isEverywhere = (tensor: Tensor, value: number) => list(tensor).every((one) => one === value);
const three = { maxNewTokens: 3, stopTokens: [] };
const tokens: number[] = reference.cases.generate.plain.slice(9, 12);

describe("nnsight's test_lm, assertion by assertion: changes of activations", () => {
  it('test_save_hidden_states', async () => {
    const { result } = await lm.generate(fact, three, () => ({ input: save(h[-1].input), output: save(h[-1].output) }));
    for (const one of [result.input, result.output]) {
      expect(one).toBeInstanceOf(Tensor);
      expect(one.dims).toHaveLength(3);
    }
  });

  it('test_inplace_modification, test_multiplication_modification', async () => {
    for (const at of [() => h[-1], () => lm.transformer.wte]) {
      const { result, tokens: found } = await lm.generate(fact, three, () => {
        const pre = save(at().output.clone());
        if (at().path === 'transformer.wte') at().output = at().output * 0;
        else at().output[':'] = 0;
        return { pre, post: save(at().output) };
      });
      expect(isEverywhere(result.pre, 0)).toBe(false);
      expect(isEverywhere(result.post, 0)).toBe(true);
      expect(found[0]).not.toEqual(tokens);
    }
  });

  it('test_cross_invoke_isolation, test_modification_with_grad', async () => {
    for (const layer of [-1, 0]) {
      const { hidden, out } = await lm.trace((tracer: Loose) => {
        tracer.invoke(fact, () => {
          h[layer].output = zerosLike(h[layer].output);
        });
        return tracer.invoke(fact, () => ({
          hidden: save(h[layer].output),
          out: save(lm.lm_head.output['0, -1'].argmax(-1)),
        }));
      });
      expect(list(hidden).every((value) => value !== 0)).toBe(true);
      expect(Number(out.item())).toBe(tokens[0]);
    }
  });

  it('test_logit_lens: the last layer through the head gives the next token', async () => {
    const found = await lm.trace(fact, () => save(softmax(lm.lm_head(lm.transformer.ln_f(h[-1].output)), 2).argmax(2)));
    expect(found.dims).toEqual([1, 9]);
    expect(list(found).at(-1)).toBe(tokens[0]);
  });

  it('test_embedding_transfer: with a barrier, and in separate traces', async () => {
    const blank = Array(8).fill('_').join(' ');
    const embeddings = await lm.trace(fact, () => save(lm.transformer.wte.output));
    const size = lm.tokenizer.encode(blank).ids.length;
    expect(size).toBe(9);
    const separate = await lm.generate(blank, three, () => {
      lm.transformer.wte.output = embeddings;
    });
    const together = await lm.generate(three, (tracer: Loose) => {
      const embeddings = tracer.invoke(fact, () => lm.transformer.wte.output);
      tracer.invoke(blank, () => {
        lm.transformer.wte.output = embeddings;
      });
    });
    expect(separate.tokens).toEqual([tokens]);
    expect(together.tokens).toEqual([tokens, tokens]);
  });
});

describe("nnsight's test_lm, assertion by assertion: gradients", () => {
  it('test_retain_grad, test_grad_access_and_modify', async () => {
    const { kept, inPlace, set } = await lm.trace('Hello World', () => {
      const hidden = h[-1].output;
      backward(sum(lm.lm_head.output));
      const kept = save(hidden.grad.clone());
      hidden.grad[':'] = 0;
      const inPlace = save(hidden.grad);
      return { kept, inPlace, set: save(h[-2].output.grad) };
    });
    expect(isEverywhere(kept, 0)).toBe(false);
    for (const one of [inPlace, set]) expect(isEverywhere(one, 0)).toBe(true);
    const again = await lm.trace('Hello World', () => {
      const hidden = h[-1].output;
      backward(sum(lm.lm_head.output));
      const gradient = hidden.grad.clone();
      gradient[':'] = 0;
      hidden.grad = gradient;
      return save(hidden.grad);
    });
    expect(isEverywhere(again, 0)).toBe(true);
  });

  it('test_multi_backward', async () => {
    const { one, two } = await lm.trace('Hello World', () => {
      const hidden = h[-1].output;
      let logits = lm.lm_head.output;
      backward(sum(logits));
      const one = save(hidden.grad);
      logits = logits * 2;
      backward(sum(logits));
      return { one, two: save(hidden.grad) };
    });
    expect(list(two)).not.toEqual(list(one));
    expectClose(two, { dims: [...one.dims], data: list(one).map((value) => value * 2) });
  });

  it('test_external_tensors', async () => {
    const weight = Tensor.from(Array.from({ length: 128 }, (_, i) => [Math.sin(i), Math.cos(i)]));
    const bias = Tensor.from([0.1, -0.2]);
    const { x, y } = await lm.trace('fish', () => {
      const x = h[0].mlp.output;
      return { x: save(x), y: save(relu(x.matmul(weight) - bias)) };
    });
    const last = list(x).slice(-128);
    const expected = [0, 1].map((column) =>
      Math.max(
        0,
        last.reduce((total, value, i) => total + value * list(weight)[2 * i + column]!, 0) - list(bias)[column]!,
      ),
    );
    expectClose({ dims: [2], data: list(y).slice(-2) }, { dims: [2], data: expected });
  });
});

describe("nnsight's test_lm, assertion by assertion: edits", () => {
  const withAttachment = async () => {
    const model = (await loadToy()) as Loose;
    const layer = model.transformer.h[0];
    layer.attachment = await loadSmall('zoo/sae.ts');
    const edited = model.edit(() => {
      layer.output[':'] = layer.attachment(layer.output);
    });
    return { model, layer, edited };
  };

  it('test_edit_with_attachment, test_batched_editing', async () => {
    const { model, layer, edited } = await withAttachment();
    const plain = await model.trace(fact, () => {
      const original = save(layer.output.clone());
      layer.output[':'] *= 0;
      return { original, logits: save(model.lm_head.output) };
    });
    const inEdit = await edited.trace(fact, () => {
      const original = save(layer.attachment.input.clone());
      layer.attachment.output *= 0;
      return { original, logits: save(model.lm_head.output) };
    });
    expect(list(inEdit.original)).toEqual(list(plain.original));
    expectClose(inEdit.logits, { dims: [...plain.logits.dims], data: list(plain.logits) });
    const batch = await edited.trace(['a', 'b'], () => save(layer.attachment.output));
    expect(batch.dims[0]).toBe(2);
  });

  it('test_non_inplace_editing, test_clear_edits', async () => {
    const model = (await loadToy()) as Loose;
    const layer = model.transformer.h[1];
    const zero = (position: number) => () => {
      'use trace';
      layer.output[`:, ${position}`] = 0;
    };
    model.edit(zero(0), { inplace: true });
    const edited = model.edit(zero(1));
    const positions = async (one: Loose) => one.trace(fact, () => [0, 1].map((i) => save(layer.output[`:, ${i}`])));
    const [first, second] = await positions(model);
    expect([first, second].map((one) => isEverywhere(one, 0))).toEqual([true, false]);
    expect(list(second).every((value) => value !== 0)).toBe(true);
    expect((await positions(edited)).map((one: Tensor) => isEverywhere(one, 0))).toEqual([true, true]);
    model.clearEdits();
    const cleared = await model.trace(fact, () => save(layer.output));
    expect(list(cleared).every((value) => value !== 0)).toBe(true);
  });

  it('test_conditional_intervention, test_input_setting', async () => {
    const found = await lm.session((session: Loose) => {
      const zeroed = session.trace('Hello World', () => {
        if (all(h[2].output < 100000)) h[-1].output[':'] = 0;
        return save(h[-1].output);
      });
      const before = session.trace(fact, () => ({ inputs: h[2].inputs, out: save(lm.lm_head.output.argmax(-1)) }));
      const after = session.trace(fact, () => {
        h[2].input = before.inputs[0];
        return save(lm.lm_head.output.argmax(-1));
      });
      return { zeroed, before: before.out, after };
    });
    expect(isEverywhere(found.zeroed, 0)).toBe(true);
    expect(list(found.after)).toEqual(list(found.before));
  });
});

describe("nnsight's test_lm, assertion by assertion: invokes and scans", () => {
  it('test_invoker_group_batching', async () => {
    const last = () => {
      'use trace';
      return save(lm.lm_head.output[':, -1']);
    };
    const out: Tensor[] = await lm.trace((tracer: Loose) => [
      tracer.invoke(france, last),
      tracer.invoke([fact, france], last),
      tracer.invoke(last),
      tracer.invoke(last),
      tracer.invoke(fact, last),
    ]);
    expect(out.map(({ dims }) => dims[0])).toEqual([1, 2, 4, 4, 1]);
    const [first, pair, whole, again, fifth] = out.map(list) as [number[], number[], number[], number[], number[]];
    expectClose({ dims: [189], data: first }, { dims: [189], data: pair.slice(189) });
    expect(whole).toEqual(again);
    expect(whole).toEqual([...first, ...pair, ...fifth]);
  });

  it('test_invoke_list_attention_mask', async () => {
    for (const groups of [
      [['Hi'], ['A B C', 'D']],
      [['A B C', 'D'], ['Hi']],
      [
        ['Hi', 'A B C'],
        ['The quick brown fox', 'D'],
      ],
    ]) {
      const together = await lm.trace(groups.flat(), () => save(lm.lm_head.output[':, -1']));
      const invoked = await lm.trace((tracer: Loose) => {
        for (const group of groups) tracer.invoke(group, () => {});
        return tracer.invoke(() => save(lm.lm_head.output[':, -1']));
      });
      expectClose(invoked, { dims: [...together.dims], data: list(together) });
    }
  });

  it('test_invoker_input_ids, test_token_ids_batching', async () => {
    const ids = [fact, clean].map((text) => [lm.tokenizer.encode(text).ids]);
    const found = await lm.trace((tracer: Loose) =>
      ids.map((one) =>
        tracer.invoke(one, () => ({ ids: save(lm.transformer.wte.input), logits: save(lm.lm_head.output['0, -1']) })),
      ),
    );
    expect(found[0].ids).toBeInstanceOf(Tensor);
    expect(found[0].logits.dims).toEqual(found[1].logits.dims);
    expectClose(found[1].logits, reference.cases.modules.logits_last);
  });

  it('test_basic_scan, test_scan_with_intervention', async () => {
    const { input, output } = await lm.scan(fact, () => ({ input: h[0].attn.input, output: h[0].attn.output }));
    for (const one of [input, output]) {
      expect(one).not.toBeInstanceOf(Tensor);
      expect(one.dims).toEqual([1, 9, 128]);
    }
    // What is set has the shape of what it is set for.
    const set = await lm.scan(fact, () => {
      h[0].mlp.c_proj.output = ones(1, 9, 128);
      return h[0].mlp.c_proj.output;
    });
    expect(set.dims).toEqual([1, 9, 128]);
  });
});

describe("nnsight's test_lm and test_source, assertion by assertion: operations and skips", () => {
  it('test_source_inputs, test_source_safe_intervention, test_source_then_trace_works', async () => {
    const plain = () => lm.trace(fact, () => save(lm.lm_head.output));
    const before = await plain();
    const { inputs, parts } = await lm.trace(fact, () => {
      h[0].attn.c_attn.output = zerosLike(h[0].attn.c_attn.output);
      return {
        inputs: h[0].attn.ops.Softmax.inputs.map((one: Loose) => save(one)),
        parts: h[0].attn.ops.Split.outputs.map((one: Loose) => save(one)),
      };
    });
    expect(inputs).toHaveLength(1);
    expect(parts).toHaveLength(3);
    for (const part of parts) expect(isEverywhere(part, 0)).toBe(true);
    expect(list(await plain())).toEqual(list(before));
    const after = await lm.trace(fact, () => save(h[0].attn.output));
    expect(after.dims).toHaveLength(3);
  });

  it('test_source_patching, test_source_output_with_barrier', async () => {
    const zeroed: Tensor[] = await lm.trace(fact, () => {
      const [first, ...others] = h[0].attn.ops.Split.outputs;
      h[1].attn.ops.Split.outputs = [zerosLike(first), ...others];
      return h[1].attn.ops.Split.outputs.map((one: Loose) => save(one));
    });
    expect(zeroed.map((one) => isEverywhere(one, 0))).toEqual([true, false, false]);
    const { one, two } = await lm.trace((tracer: Loose) => {
      const one = tracer.invoke(fact, () => save(h[0].attn.ops.Softmax.output[':, 0, -1']));
      const two = tracer.invoke(fact, () => {
        h[1].attn.ops.Softmax.output[':, 0, -1'] = one;
        return save(h[1].attn.ops.Softmax.output[':, 0, -1']);
      });
      return { one, two };
    });
    expect(list(two)).toEqual(list(one));
  });

  it('test_iter_source_sparse, test_iter_source_intervention', async () => {
    const outs: Tensor[] = (
      await lm.generate(fact, { maxNewTokens: 4, stopTokens: [] }, (tracer: Loose) => {
        const outs = [];
        for (const step of tracer.iter()) if ([0, 2].includes(step)) outs.push(save(h[0].attn.ops.Split.output));
        return outs;
      })
    ).result;
    expect(outs.map(({ dims }) => dims[1])).toEqual([9, 1]);
    const patched = await lm.generate(fact, three, (tracer: Loose) => {
      for (const _ of tracer.iter()) for (const layer of h) layer.attn.ops.Softmax.output *= 0;
    });
    expect(patched.tokens[0]).not.toEqual(tokens);
  });

  it('test_skip_with_input_modification, test_multiple_skip, test_skip_batched', async () => {
    const { input, zeros, out, chain } = await lm.trace(fact, () => {
      const input = save(h[0].output);
      h[1].input = zerosLike(h[1].input);
      h[1].skip(input);
      h[2].skip(h[1].output);
      const chain = save(h[2].output);
      h[3].skip(chain);
      return { input, zeros: save(h[1].input), out: save(h[1].output), chain: [chain, save(h[3].output)] };
    });
    expect(isEverywhere(zeros, 0)).toBe(true);
    expect(isEverywhere(out, 0)).toBe(false);
    for (const one of [out, ...chain]) expect(list(one)).toEqual(list(input));
    const skip = () => {
      'use trace';
      const input = save(h[0].output);
      h[1].skip(input);
      return { input, out: save(h[1].output) };
    };
    const [one, two] = await lm.trace((tracer: Loose) => [fact, france].map((text) => tracer.invoke(text, skip)));
    expect(list(one.out)).toEqual(list(one.input));
    expect(list(two.out)).toEqual(list(two.input));
    expect(list(one.out)).not.toEqual(list(two.out));
  });
});

describe("nnsight's test_lm and test_iter_edge_cases, assertion by assertion: steps", () => {
  it('test_iter_and_all, test_iter_slice, test_batched_iter, test_bounded_slice_runs_twice', async () => {
    const read = (tracer: Loose, ...range: number[]) => {
      'use trace';
      const found = [];
      const steps = [];
      for (const step of tracer.iter(...range)) {
        steps.push(step);
        found.push(save(lm.lm_head.output['0, -1'].argmax(-1)));
      }
      return { steps, found };
    };
    const numbers = (found: Tensor[]) => found.map((one) => Number(one.item()));
    const five = { maxNewTokens: 5, stopTokens: [] };
    const { result } = await lm.generate(fact, five, (tracer: Loose) => read(tracer, 1, 3));
    expect(result.steps).toEqual([1, 2]);
    expect(numbers(result.found)).toEqual(tokens.slice(1));
    const batch = await lm.generate(five, (tracer: Loose) => [
      tracer.invoke(fact, () => read(tracer, 1, 3)),
      tracer.invoke(fact, () => read(tracer, 0, 3)),
      tracer.invoke(fact, () => read(tracer, 2, 4)),
    ]);
    expect(batch.result.map(({ steps }: Loose) => steps)).toEqual([
      [1, 2],
      [0, 1, 2],
      [2, 3],
    ]);
    expect(numbers(batch.result[0].found)).toEqual(tokens.slice(1));
    expect(numbers(batch.result[1].found)).toEqual(tokens);
  });

  it('test_iter_idx, test_slice_iter_with_envoy_called_before', async () => {
    const apart = await lm.generate(fact, three, (tracer: Loose) => {
      const found = [save(lm.transformer.wte.output)];
      for (const _ of tracer.iter(0)) found.push(save(h[0].output));
      for (const _ of tracer.iter(1)) found.push(save(h[1].output));
      for (const _ of tracer.iter(2)) found.push(save(h[2].output));
      return found;
    });
    const together = await lm.generate(fact, three, (tracer: Loose) => {
      const found = [save(lm.transformer.wte.output)];
      for (const step of tracer.iter(0, 3)) found.push(save(h[step].output));
      return found;
    });
    expect(apart.result).toHaveLength(4);
    expect(apart.result.map(list)).toEqual(together.result.map(list));
  });

  it('test_iter_and_skip', async () => {
    const { result } = await lm.generate('_', three, (tracer: Loose) => {
      const found = [];
      for (const step of tracer.iter()) {
        if (step === 1) h[1].skip(zerosLike(h[0].output));
        found.push(save(h[1].output));
      }
      return found;
    });
    expect(result.map((one: Tensor) => isEverywhere(one, 0))).toEqual([false, true, false]);
  });

  it('test_iter_with_promptless_invokers', async () => {
    const { result } = await lm.generate({ maxNewTokens: 1, stopTokens: [] }, (tracer: Loose) => {
      tracer.invoke(fact, () => {});
      const before = tracer.invoke(() => save(h[0].output.clone()));
      tracer.invoke(() => {
        for (const _ of tracer.iter(0)) h[0].output[':'] = 0;
      });
      return [before, tracer.invoke(() => save(h[0].output))];
    });
    expect(result.map((one: Tensor) => isEverywhere(one, 0))).toEqual([false, true]);
  });

  it('test_iter_with_batched_interventions, test_two_invokes_independent_iter', async () => {
    const { result } = await lm.generate(three, (tracer: Loose) =>
      [fact, clean].map((prompt) =>
        tracer.invoke(prompt, () => {
          const found = [];
          for (const _ of tracer.iter()) found.push(save(lm.lm_head.output['0, -1']));
          return found;
        }),
      ),
    );
    const [one, two] = result;
    expect([one.length, two.length]).toEqual([3, 3]);
    for (const step of [0, 1, 2]) expect(list(one[step])).not.toEqual(list(two[step]));
  });

  it('test_iter_with_streamer, test_huggingface_text_iterator_streamer', async () => {
    const heard: string[] = [];
    const options = { maxNewTokens: 8, stopTokens: [], onToken: ({ text }: Loose) => void heard.push(text) };
    const { result } = await lm.generate(fact, options, (tracer: Loose) => {
      const found = [];
      for (const _ of tracer.iter(2, 6)) found.push(save(h[-2].output));
      for (const _ of tracer.iter(6, 8)) found.push(save(h[-2].output));
      return found;
    });
    expect(result).toHaveLength(6);
    expect(heard).toHaveLength(8);
    expect(heard.join('').length).toBeGreaterThan(0);
  });
});

describe("nnsight's test_lm, assertion by assertion: caches and names", () => {
  it('test_basic_cache, test_cache_output_and_inputs, test_cache_inputs_only, test_cache_no_entry_input', async () => {
    const cacheWith = (options: object) => lm.trace(fact, (tracer: Loose) => tracer.cache(options));
    const plain = await cacheWith({});
    expect(plain['transformer.h.0'].output).toBeInstanceOf(Tensor);
    expect(plain['transformer.h.0'].input).toBeUndefined();
    const both = await cacheWith({ inputs: true });
    expect(list(both['transformer.h.0'].output)).toEqual(list(both['transformer.h.1'].input));
    const only = await cacheWith({ inputs: true, outputs: false });
    expect(only['transformer.h.0'].input).toBeInstanceOf(Tensor);
    expect(only['transformer.h.0'].output).toBeUndefined();
  });

  it('test_cache_with_intervention, test_cache_single_invoker, test_cache_after_intervention, test_cache_skip', async () => {
    const found = await lm.trace((tracer: Loose) => {
      tracer.invoke(fact, () => {});
      return tracer.invoke(clean, () => {
        const cache = tracer.cache({ inputs: true });
        h[0].attn.c_attn.output = zerosLike(h[0].attn.c_attn.output);
        h[2].skip(h[1].output);
        return { cache, hidden: save(h[1].attn.c_attn.output), kept: save(h[1].output) };
      });
    });
    const { cache } = found;
    expect(isEverywhere(cache['transformer.h.0.attn.c_attn'].output, 0)).toBe(true);
    expect(list(cache['transformer.h.1.attn.c_attn'].output)).toEqual(list(found.hidden));
    expect(list(cache['transformer.h.2'].output)).toEqual(list(found.kept));
    expect(list(cache['transformer.h.2'].output)).toEqual(list(cache['transformer.h.3'].input));
  });

  it('test_cache_generation, test_cache_some_modules, …_by_ref, …_generation, test_multiple_caches', async () => {
    const { result } = await lm.generate(fact, three, (tracer: Loose) => [
      tracer.cache({ modules: ['transformer.h.0', 'transformer.h.1', 'transformer.h.2'], inputs: true }),
      tracer.cache({ modules: [...h].map((layer) => layer.attn) }),
      tracer.cache({ modules: [...h].map((layer) => layer.mlp) }),
    ]);
    const [layers, attention, mlps] = result;
    expect(result.map((cache: object) => Object.keys(cache).length)).toEqual([3, 4, 4]);
    expect(layers['transformer.h.0'].calls).toHaveLength(3);
    expect(list(layers['transformer.h.0'].output)).toEqual(list(layers['transformer.h.1'].input));
    expect(Object.keys(attention)).toContain('transformer.h.0.attn');
    expect(Object.keys(attention)).not.toContain('transformer.h.0.mlp');
    expect(Object.keys(mlps)).toContain('transformer.h.0.mlp');
    expect(Object.keys(mlps)).not.toContain('transformer.h.0.attn');
  });

  it('test_cache_attribute_access: what is not kept is not there', async () => {
    const cache = await lm.trace(fact, (tracer: Loose) => tracer.cache({ modules: [...h, lm.lm_head] }));
    expect(Object.keys(cache)).toHaveLength(5);
    const { output } = cache['transformer.h.0'];
    expect(cache.transformer.h[0].output).toBe(output);
    expect(cache.transformer['h.0'].output).toBe(output);
    expect(cache.lm_head.output).toBeInstanceOf(Tensor);
    expect(cache.transformer.h[12]).toBeUndefined();
    expect(cache.transformer.h[0].mlp).toBeUndefined();
    expect(cache.transformer[0]).toBeUndefined();
  });

  it('test_cache_alias, test_rename_module, test_rename_path', async () => {
    const named = (await LanguageModel.load(TOY, {
      device: 'cpu',
      rename: {
        transformer: 'model',
        'h.0': 'first_layer',
        1: 'second_layer',
        mlp: 'my_mlp',
        'transformer.h.3.mlp': 'last',
      },
    })) as Loose;
    const { cache, mlps } = await named.trace(fact, (tracer: Loose) => ({
      cache: tracer.cache(),
      mlps: [named.transformer.h[1].my_mlp, named.model.h[1].mlp, named.last, named.transformer.h[3].mlp].map((one) =>
        save(one.output),
      ),
    }));
    const [first, second] = [0, 1].map((i) => cache[`transformer.h.${i}`].output);
    for (const same of [cache.model.first_layer, cache.transformer.h[0], cache['model.first_layer']])
      expect(same.output).toBe(first);
    for (const same of [cache.model.h.second_layer, cache.transformer.h[1], cache['model.h.second_layer']])
      expect(same.output).toBe(second);
    expect(list(mlps[0])).toEqual(list(mlps[1]));
    expect(list(mlps[2])).toEqual(list(mlps[3]));
    expect(list(mlps[0])).not.toEqual(list(mlps[2]));
  });
});

describe("nnsight's test_debug and test_0516_features, assertion by assertion", () => {
  it('errors are at the line, in loops, conditionals, helpers, invokes and gradients', async () => {
    const helper = () => {
      'use trace';
      return h[0].output['0, 999'];
    };
    const at = (run: () => Promise<unknown>) => expect(run()).rejects.toThrow(/nnsight-lm\.test\.ts:\d+:\d+ - .*999/);
    await at(() => lm.trace(fact, () => save(h[0].output['0, 999'])));
    await at(() => lm.trace(fact, () => save(helper())));
    await at(() => lm.trace(fact, () => [3, 999].map((i) => save(h[0].output[`0, ${i}`]))));
    await at(() => lm.trace((tracer: Loose) => tracer.invoke(fact, () => save(h[0].output['0, 999']))));
    await at(() =>
      lm.trace((tracer: Loose) => {
        tracer.invoke(fact, () => save(h[0].output));
        tracer.invoke(clean, () => save(h[0].output['0, 999']));
      }),
    );
    await at(() =>
      lm.trace(fact, () => {
        if (h[0].output.shape[0] > 0) save(h[0].output['0, 999']);
      }),
    );
    await at(() =>
      lm.trace(fact, () => {
        backward(sum(lm.lm_head.output));
        return save(h[0].output.grad['0, 999']);
      }),
    );
    await at(() => lm.trace(fact, () => save(h[999].output)));
  });

  it('inputs by keyword, custom functions', async () => {
    const ids = [[1, 2, 3, 4, 5]];
    for (const inputs of [{ input_ids: ids }, { input_ids: ids, attention_mask: [[1, 1, 1, 1, 1]] }]) {
      const hidden = await lm.trace(inputs, () => save(h[0].output));
      expect(hidden.dims).toEqual([1, 5, 128]);
    }
    const means = (count: number) => {
      'use trace';
      let total = 0;
      for (let i = 0; i < count; i++) total += h[i].output.mean();
      return total;
    };
    const { total, each } = await lm.trace(fact, () => ({
      total: save(means(3)),
      each: [0, 1, 2].map((i) => save(h[i].output.mean())),
    }));
    expect(total.item()).toBeCloseTo(
      each.reduce((all: number, one: Tensor) => all + Number(one.item()), 0),
      5,
    );
    await expect(lm.trace('', () => save(h[0].output))).rejects.toThrow(/no tokens|zero tokens|empty/);
  });
});
