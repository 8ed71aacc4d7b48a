import { backward, LanguageModel, type Loose, save, sum, Tensor, TraceError } from 'onnsight';
import { describe, expect, it, vi } from 'vitest';
import { loadToy, reference, TOY } from '../support/toy.ts';
import { clean, difference, fact, france, loadSmall, parity, rows } from './support.ts';

const lm = (await loadToy()) as Loose;
const mlp = (await loadSmall('zoo/mlp.ts')) as Loose;
const { h } = lm.transformer;
const list = ({ data }: { data: ArrayLike<unknown> }) => Array.from(data, Number);
const steps = (maxNewTokens: number) => ({ maxNewTokens, stopTokens: [] });
const tokens: number[] = reference.cases.generate.plain.slice(9);
const x = [[0.1, 0.2, 0.3, 0.4, 0.5]];

describe("nnsight's test_source, assertion by assertion", () => {
  it('test_source_output, test_multiple_source_across_layers, test_source_imported_function: a split gives a tuple', async () => {
    const splits = await lm.trace(fact, () =>
      [0, 1].map((layer) => h[layer].attn.ops.Split.outputs.map((one: Tensor) => save(one))),
    );
    for (const split of splits) expect(split.map(({ dims }: Tensor) => dims)).toEqual(Array(3).fill([1, 9, 128]));
  });

  it('test_recursive_source, test_multiple_source: what stands in a module has its operations, too', async () => {
    const found = await lm.trace(fact, () => [0, 1].map((layer) => save(h[layer].attn.ops.Softmax.output)));
    for (const pattern of found) expect(pattern.dims).toEqual([1, 4, 9, 9]);
  });

  it('test_source_does_not_affect_plain_forward, test_nonexistent_operation_raises, …_not_found', async () => {
    const before = await lm.trace(fact);
    await lm.trace(fact, () => save(h[0].attn.ops.Split.outputs[1]));
    expect(list((await lm.trace(fact)).logits)).toEqual(list(before.logits));
    const wrong = lm.trace(fact, () => save(h[0].attn.ops.my_func.output));
    await expect(wrong).rejects.toThrow(/nnsight-edges\.test\.ts:\d+:\d+ - .*my_func/);
  });

  it('test_iter_source_output_all_steps, …_input_all_steps, …_specific_step, …_slice, test_iter_recursive_source', async () => {
    const patterns = async (count: number, ...range: never[]) => {
      const { result } = await lm.generate(fact, steps(count), (tracer: Loose) => {
        const found = [];
        for (const _ of tracer.iter(...range)) {
          const { Softmax } = h[0].attn.ops;
          found.push([save(Softmax.input), save(Softmax.output)]);
        }
        return found;
      });
      return result.map((pair: Tensor[]) => pair.map(({ dims }) => dims));
    };
    const at = (queries: number, keys: number) => Array(2).fill([1, 4, queries, keys]);
    const all = [at(9, 9), at(1, 10), at(1, 11), at(1, 12)];
    expect(await patterns(3)).toEqual(all.slice(0, 3));
    expect(await patterns(3, ...([1] as never[]))).toEqual([all[1]]);
    expect(await patterns(4, ...([1, 3] as never[]))).toEqual(all.slice(1, 3));
  });
});

describe("nnsight's test_iter_edge_cases, assertion by assertion", () => {
  it('test_iter_indexes_inner_calls_within_one_trace, test_iter_specific_inner_call, test_iter_modifies_specific_inner_call', async () => {
    const twice = (await loadSmall('edge/twice.ts')) as Loose;
    const input = rows(parity.calls.x);
    const { all, plain } = await twice.trace(input, () => ({
      all: twice.block.calls.map((call: Loose) => save(call.output)),
      plain: save(twice.output),
    }));
    expect(all.map(({ dims }: Tensor) => dims)).toEqual([all[0].dims, all[0].dims]);
    expect(list(all[0])).not.toEqual(list(all[1]));
    const changed = await twice.trace(input, () => {
      twice.block.calls[1].output[':'] = 0;
      return save(twice.output);
    });
    expect(list(changed)).not.toEqual(list(plain));
  });

  it('test_trailing_pure_python_after_iter_runs, test_iter_with_block, test_code_after_unbounded_iter_not_executed', async () => {
    let isReached = false;
    const { result } = await lm.generate(fact, steps(2), (tracer: Loose) => {
      const found = [];
      for (const _ of tracer.iter()) found.push(save(lm.lm_head.output['0, -1'].argmax()));
      isReached = true;
      return found;
    });
    expect(result.map((one: Tensor) => Number(one.item()))).toEqual(tokens.slice(0, 2));
    expect(isReached).toBe(true);
  });

  it('test_trailing_module_access_after_iter_raises: it is that of the last step here', async () => {
    const { result } = await lm.generate(fact, steps(2), (tracer: Loose) => {
      for (const _ of tracer.iter()) h[0].output;
      return save(lm.lm_head.output['0, -1'].argmax());
    });
    expect(Number(result.item())).toBe(tokens[1]);
  });

  it('test_bounded_slice_full_range, test_two_invokes_different_iter_ranges', async () => {
    const seen = (tracer: Loose, from: number, to: number) => {
      'use trace';
      const found = [];
      for (const step of tracer.iter(from, to)) found.push(step);
      return found;
    };
    const whole = await lm.generate(fact, steps(4), (tracer: Loose) => ({ seen: seen(tracer, 0, 4) }));
    expect(whole.result.seen).toEqual([0, 1, 2, 3]);
    const { result } = await lm.generate(steps(4), (tracer: Loose) => ({
      first: tracer.invoke(fact, () => seen(tracer, 0, 2)),
      second: tracer.invoke(france, () => seen(tracer, 2, 4)),
    }));
    expect(result).toEqual({ first: [0, 1], second: [2, 3] });
  });

  it('test_module_next_outside_iter_loop_is_broken, test_tracer_next_…, test_tracer_next_inside_iter_works: they work', async () => {
    const hidden = () => lm.lm_head.output['0, -1'].argmax();
    const byModule = await lm.generate(fact, steps(3), () => [
      save(hidden()),
      save(lm.lm_head.next().output['0, -1'].argmax()),
    ]);
    const byTracer = await lm.generate(fact, steps(3), (tracer: Loose) => {
      const first = save(hidden());
      tracer.next();
      return [first, save(hidden())];
    });
    for (const { result } of [byModule, byTracer]) {
      expect(result.map((one: Tensor) => Number(one.item()))).toEqual(tokens.slice(0, 2));
    }
  });

  it('test_bounded_slice_past_length_warns_and_locals_lost; test_iter_past_length_…: one step that is not there is an error', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const { result } = await lm.generate(fact, steps(2), (tracer: Loose) => {
      const found: number[] = [];
      for (const step of tracer.iter(5, 7)) found.push(step);
      return { found };
    });
    expect(String(warn.mock.calls[0])).toContain('iter(5, 7): the generation has 2 steps at most');
    warn.mockRestore();
    expect(result).toEqual({ found: [] });
    const past = lm.generate(fact, steps(2), (tracer: Loose) => {
      for (const _ of tracer.iter(5)) h[0].output *= 2;
    });
    await expect(past).rejects.toThrow(/nnsight-edges\.test\.ts:\d+:\d+ - .*there is no step 5/);
  });
});

describe("nnsight's test_debug and test_0516_features, what is left of them, assertion by assertion", () => {
  it('test_out_of_order_…: in any order, in a trace, an invoke and across invokes; …_message_content where there is none', async () => {
    const inOrder = await mlp.trace(x, () => [save(mlp.layer1.output), save(mlp.layer2.output)]);
    const backwards = () => {
      const second = save(mlp.layer2.output);
      return [save(mlp.layer1.output), second];
    };
    const found = [
      await mlp.trace(x, () => backwards()),
      (await mlp.trace((tracer: Loose) => [tracer.invoke(x, () => backwards())]))[0],
    ];
    for (const pair of found) expect(pair.map(list)).toEqual(inOrder.map(list));
    const circle = mlp.trace(x, () => {
      mlp.layer1.output = mlp.layer1.output + mlp.layer2.output.sum();
      return save(mlp.output);
    });
    await expect(circle).rejects.toThrow(TraceError);
    await expect(circle).rejects.toThrow(/nnsight-edges\.test\.ts:\d+:\d+ - .*layer/);
  });

  it('test_attribute_error_in_trace, test_nonexistent_module_path, test_attribute_error_traceback, test_exception_wrapper_type', async () => {
    for (const wrong of [
      mlp.trace(x, () => save(mlp.nonexistent_layer.output)),
      lm.trace(fact, () => save(lm.transformer.nonexistent.output)),
      lm.trace(fact, () => save(h[999].output)),
    ]) {
      await expect(wrong).rejects.toThrow(/nnsight-edges\.test\.ts:\d+:\d+ - no module/);
    }
  });

  it('test_trace_with_no_args_no_invokes, test_trace_no_input_raises_value_error, test_invoke_inside_invoke', async () => {
    const empty = mlp.trace(() => save(mlp.layer1.output));
    await expect(empty).rejects.toThrow(/nnsight-edges\.test\.ts:\d+:\d+ - /);
    const inner = mlp.trace((tracer: Loose) => {
      tracer.invoke(x, () => tracer.invoke(x, () => save(mlp.layer1.output)));
    });
    await expect(inner).rejects.toThrow(/nnsight-edges\.test\.ts:\d+:\d+ - .*invoke/);
  });

  it('test_gradient_wrong_order: in any order', async () => {
    const found = await mlp.trace(x, () => {
      const [first, second] = [mlp.layer1.output, mlp.layer2.output];
      backward(sum(mlp.output));
      return { first: save(first.grad), second: save(second.grad) };
    });
    expect(list(found.second).every((one) => one === 1)).toBe(true);
    expect(found.first.dims).toEqual([1, 10]);
  });

  it('test_error_after_successful_operations: the model works after it', async () => {
    const wrong = mlp.trace(x, () => [save(mlp.layer1.output), save(mlp.layer2.output[999])]);
    await expect(wrong).rejects.toThrow(/nnsight-edges\.test\.ts:\d+:\d+ - .*999/);
    expect(await mlp.trace(x, () => save(mlp.layer1.output))).toBeInstanceOf(Tensor);
  });

  it('test_generate_with_invokers, test_multiple_invokers_independent', async () => {
    const { result } = await lm.generate(steps(3), (tracer: Loose) =>
      [fact, france].map((prompt) => tracer.invoke(prompt, () => save(h[0].output))),
    );
    for (const one of result) expect(one.dims).toEqual([1, 9, 128]);
    const [first, last] = await lm.trace((tracer: Loose) => [
      tracer.invoke(fact, () => save(h[0].output)),
      tracer.invoke(clean, () => save(h[3].output)),
    ]);
    expect([first.dims.at(-1), last.dims.at(-1)]).toEqual([128, 128]);
  });
});

describe("nnsight's test_lm, what is left of it, assertion by assertion", () => {
  it('test_basic_generation, test_undispatched_extra_module: the text that is generated', async () => {
    const { result } = await lm.generate(steps(3), (tracer: Loose) => tracer.invoke(fact, () => save(tracer.result)));
    expect(list(result)).toEqual(reference.cases.generate.plain.slice(0, 12));
  });

  it('test_basic_skip, test_skip_inner_module_error: what is inside can be read here', async () => {
    const { input, output, inside } = await lm.trace(fact, () => {
      const input = save(h[0].output);
      h[1].skip(input);
      return { input, output: save(h[1].output), inside: save(h[1].attn.output) };
    });
    expect(list(output)).toEqual(list(input));
    const plain = await lm.trace(fact, () => save(h[1].attn.output));
    expect(difference(inside, plain)).toBeLessThan(1e-5);
  });

  it('test_out_of_order_error, test_out_of_order_skip_2: any order is right', async () => {
    const found = await lm.trace(fact, () => {
      const output = save(h[2].output);
      return [output, save(h[1].inputs[0])];
    });
    expect(found.map(({ dims }: Tensor) => dims)).toEqual([
      [1, 9, 128],
      [1, 9, 128],
    ]);
  });

  it('test_rename_module_list, test_rename_module_list_path', async () => {
    const wanted = await lm.trace(fact, () => [save(h[0].mlp.output), save(h[1].mlp.output)]);
    for (const [rename, layers] of [
      [{ '.h': 'layers' }, (model: Loose) => model.transformer.layers],
      [{ 'transformer.h': 'layers' }, (model: Loose) => model.layers],
    ] as const) {
      const named = await LanguageModel.load(TOY, { device: 'cpu', rename });
      const found = await named.trace(fact, () => [
        save(layers(named)[0].mlp.output),
        save(layers(named)[1].mlp.output),
      ]);
      expect(found.map(list)).toEqual(wanted.map(list));
    }
  });
});
