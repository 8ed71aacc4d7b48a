import { inspect } from 'node:util';
import { save, sum, Tensor, type Traced } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, loadToy, reference } from '../support/toy.ts';
import { clean, corrupt, difference, fact } from './support.ts';

const lm = await loadToy();
const h = lm.transformer.h;
/** Where PyTorch patched the residual stream of `clean` into `corrupt`. */
const last = (of: Tensor) => of[0][-1];

// biome-ignore lint/suspicious/noExplicitAny: a variable that a block assigns and later code reads, as in JavaScript.
let x: any;
// biome-ignore lint/suspicious/noExplicitAny: as above, assigned in a branch.
let inBranch: any;
// biome-ignore lint/suspicious/noExplicitAny: as above, in a branch that does not run.
let never: any;
// biome-ignore lint/suspicious/noExplicitAny: as above.
let held: Record<string, any> = {};
const returned = await lm.trace(clean, () => {
  x = save(h[1].output);
  if (h[0].output.norm() > 0) inBranch = save(h[1].output);
  if (h[0].output.norm() < 0) never = save(h[1].output);
  held = { x: save(h[1].output) };
  return save(h[1].output);
});

describe.each([
  ['a variable', () => x],
  ['a property', () => held.x],
  ['a variable that a branch assigned', () => inBranch],
])('%s that was assigned a save in a block is a tensor after it', (_, get) => {
  it('for JavaScript', () => {
    const value = get();
    expect(value instanceof Tensor).toBe(true);
    expect([value.dtype, value.dims, value.ndim]).toEqual(['float32', returned.dims, 3]);
    expect(Array.from(value.data)).toEqual(Array.from(returned.data));
    expect(Object.keys(value)).toEqual(Object.keys(returned));
    expect('data' in value).toBe(true);
    expect([String(value), inspect(value), JSON.stringify(value)]).toEqual([
      String(returned),
      inspect(returned),
      JSON.stringify(returned),
    ]);
    expect(difference(last(value), last(returned))).toBe(0);
  });

  it('set, as an operand, by slice, in an edit, in a generation, through a function, in a session', async () => {
    const value = get();
    const logits = (of: Traced) => {
      'use trace';
      h[1].output = of;
      return save(lm.lm_head.output['0, -1']);
    };
    const wanted = await lm.trace(clean, () => save(lm.lm_head.output['0, -1']));
    expectClose(wanted, reference.cases.modules.logits_last);
    const found = [
      await lm.trace(corrupt, () => logits(value)),
      await lm.trace(corrupt, () => logits(0 * h[1].output + value)),
      await lm.trace(corrupt, () => logits(value + 0)),
      await lm.trace(corrupt, () => logits(value.clone())),
      await lm.trace(corrupt, () => {
        h[1].output['...'] = value;
        return save(lm.lm_head.output['0, -1']);
      }),
      await lm
        .edit(() => {
          h[1].output = value;
        })
        .trace(corrupt, () => save(lm.lm_head.output['0, -1'])),
      await lm.trace(corrupt, (tracer) => logits(tracer.apply((t: Tensor) => t, value))),
      (await lm.generate(corrupt, { maxNewTokens: 1 }, () => logits(value))).result,
      await lm.session((session) => session.trace(corrupt, () => logits(value))),
      await lm.trace({ 'transformer.h.1.output': value }, () => save(lm.lm_head.output['0, -1'])),
    ];
    for (const [i, one] of found.entries()) expectClose(one as Tensor, reference.cases.modules.logits_last, `${i}`);
  });

  it('returned from another trace, asked, iterated', async () => {
    const value = get();
    const result = await lm.trace(corrupt, () => {
      let rows = 0 * h[1].output[0];
      for (const row of value) rows += row;
      if (value.sum() > 1e9) rows *= 0;
      return { value, list: [value], sum: save(sum(rows)), total: save(value.sum()), known: typeof value };
    });
    expect(Array.from((result.value as Tensor).data)).toEqual(Array.from(returned.data));
    expect(result.list).toHaveLength(1);
    expect(result.known).toBe('object');
    expect(difference(result.sum, result.total)).toBeLessThan(1e-2);
    const plain = Array.from(returned.data, Number).reduce((a, b) => a + b, 0);
    expect(Math.abs(result.total.item() - plain)).toBeLessThan(1e-2);
  });

  it('is data, which another trace does not change', async () => {
    const value = get();
    const write = lm.trace(corrupt, () => {
      value['0'] = 5;
      return save(h[1].output);
    });
    await expect(write).rejects.toThrow(/outer-saves\.test\.ts:\d+:\d+ - .*Assign to a copy: clone\(tensor\)/);
    const total = (value.data as Float32Array).reduce((sum, element) => sum + element, 0);
    expect(value.sum().item()).toBeCloseTo(total, 2);
  });
});

it('token ids that were saved are inputs', async () => {
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  let ids: any;
  await lm.trace(clean, () => {
    ids = save(lm.transformer.wte.input);
  });
  expectClose(await lm.trace(ids, () => save(lm.lm_head.output['0, -1'])), reference.cases.modules.logits_last);
  const byName = await lm.trace({ input_ids: ids }, () => save(lm.lm_head.output['0, -1']));
  expectClose(byName, reference.cases.modules.logits_last);
  const { tokens } = await lm.generate(ids, { maxNewTokens: 2 });
  expect(tokens).toEqual((await lm.generate(clean, { maxNewTokens: 2 })).tokens);
});

it('what a branch that did not run was to assign is undefined in the next trace', async () => {
  const result = await lm.trace(fact, () => ({
    is: never === undefined,
    known: typeof never,
    or: save(never ?? h[1].output),
  }));
  expect([result.is, result.known, result.or.ndim]).toEqual([true, 'undefined', 3]);
});

it('a variable that a branch takes a save from is what it was given there', async () => {
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  let q: any;
  await lm.trace(clean, () => {
    q = save(h[1].output);
    if (h[0].output.norm() > 0) q = 'a text';
  });
  expect(String(q)).toBe('a text');
});

describe('save of an array or an object', () => {
  it('saves each value that it holds, and gives what it was given', async () => {
    const found = await lm.trace(clean, () => {
      const [a, b] = [h[0].output['0, -1'], h[1].output['0, -1']];
      const list = save([a, b]);
      const steps = [];
      for (const row of b['0:3']) steps.push(row * 2);
      return {
        list,
        each: save({ a, deep: [b, { n: 3, name: 'x' }] }),
        steps: save(steps),
        outputs: save(h[0].outputs),
      };
    });
    const [a, b] = await lm.trace(clean, () => [save(h[0].output['0, -1']), save(h[1].output['0, -1'])]);
    expect(found.list.map(({ data }) => data)).toEqual([a!.data, b!.data]);
    expect(found.each.a.data).toEqual(a!.data);
    expect(found.each.deep[0].data).toEqual(b!.data);
    expect([found.each.deep[1].n.item(), found.each.deep[1].name]).toEqual([3, 'x']);
    expect(found.steps).toHaveLength(3);
    for (const [i, step] of found.steps.entries()) expect(step.item()).toBe(Number(b!.data[i]) * 2);
    expect(found.outputs[0]!.dims).toEqual([1, 15, 128]);
  });
});
