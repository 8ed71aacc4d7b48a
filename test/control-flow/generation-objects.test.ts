import { save, Tensor } from 'onnsight';
import { expect, it } from 'vitest';
import { fact, parity } from '../parity/support.ts';
import { loadToy } from '../support/toy.ts';

/*
 * Objects that the steps of a generation make or choose, used after the loop: as in JavaScript, whether a stop token ends
 * it early or not. The logits of each step are PyTorch's.
 */
const lm = await loadToy();
const END = 3;
const { dims, data }: { dims: number[]; data: number[] } = parity.generate_cached.plain.logits;
const size = dims.at(-1)!;
const tops = Array.from({ length: dims[0]! }, (_, step) => Math.max(...data.slice(step * size, (step + 1) * size)));

const top = () => {
  'use trace';
  return lm.lm_head.output['0, -1'].max();
};

const number = (tensor: unknown) => (tensor instanceof Tensor ? Number(tensor.item()) : tensor);

it.each([
  ['ended early', { maxNewTokens: 6 }, tops.slice(0, END)],
  ['not ended', { maxNewTokens: 6, stopTokens: [] }, tops],
])('what objects of the steps hold is read after the loop: %s', async (_, options, ran) => {
  const { result } = await lm.generate(fact, options, (tracer) => {
    const all = [];
    let last: { top: number; step: number } | null = null;
    let best: { top: number; step: number } | null = null;
    let least = { top: 1e6, step: -1 };
    for (const step of tracer.iter()) {
      const value = top();
      last = { top: value, step };
      if (best === null || value > best.top) best = { top: value, step };
      if (value < least.top) least = { top: value, step };
      all.push({ top: value, saved: save(value) });
    }
    let total = 0;
    for (const one of all) total += one.top;
    return {
      last: [save(last!.top), save(last!.step)],
      best: [save(best!.top), save(best!.step)],
      least: [save(least.top), save(least.step)],
      second: [save(all[1]!.top), all[1]!.saved],
      end: save(all.at(-1)!.top),
      doubled: all.map((one) => save(one.top * 2)),
      total: save(total),
    };
  });
  const [high, low, end] = [Math.max(...ran), Math.min(...ran), ran.at(-1)!];
  const expected = {
    last: [end, ran.length - 1],
    best: [high, ran.indexOf(high)],
    least: [low, ran.indexOf(low)],
    second: [ran[1]!, ran[1]!],
    end: [end],
    doubled: ran.map((one) => one * 2),
    total: [ran.reduce((a, b) => a + b, 0)],
  };
  for (const [name, wanted] of Object.entries(expected)) {
    const found = [result[name as keyof typeof result]].flat().map(number);
    expect(found, name).toHaveLength(wanted.length);
    for (const [i, one] of found.entries()) expect(one, `${name} ${i}`).toBeCloseTo(wanted[i]!, 3);
  }
});

it('what an object of a step that did not run holds is an error where a branch takes it', async () => {
  const run = lm.generate(fact, { maxNewTokens: 6 }, (tracer) => {
    const first = top();
    let late: { top: number } | null = null;
    for (const _ of tracer.iter([5])) late = { top: top() };
    return { late: save(first > -1e6 ? late!.top : 0) };
  });
  await expect(run).rejects.toThrow(/generation-objects\.test\.ts:\d+:\d+ - .*(did not run|undefined or null)/s);
});
