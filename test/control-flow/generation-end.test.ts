import { save, Tensor, TraceError } from 'onnsight';
import { describe, expect, it, vi } from 'vitest';
import { fact, france, parity } from '../parity/support.ts';
import { loadToy } from '../support/toy.ts';

/*
 * A generation that a stop token ends before `maxNewTokens`: what depends on the number of steps is what JavaScript gives
 * for a loop over the steps that ran. The logits of each step are PyTorch's.
 */
const lm = await loadToy();
const END = 3;

/** The largest logit of each step, one of `rows` at each. */
function largest({ dims, data }: { dims: number[]; data: number[] }, row = 0): number[] {
  const [steps, rows, size] = dims as [number, number, number];
  const logits = (step: number) => data.slice((step * rows + row) * size, (step * rows + row + 1) * size);
  return Array.from({ length: steps }, (_, step) => Math.max(...logits(step)));
}

const tops = largest(parity.generate_cached.plain.logits);
const ran = tops.slice(0, END);
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

const early = { maxNewTokens: 6 };
/** All six steps run. */
const whole = { maxNewTokens: 6, stopTokens: [] };

const top = () => {
  'use trace';
  return lm.lm_head.output['0, -1'].max();
};

type Steps = { iter(): Iterable<number> };

const number = (tensor: unknown) => (tensor instanceof Tensor ? Number(tensor.item()) : tensor);
const numbers = (list: readonly unknown[]) => list.map(number);

function expectNumbers(list: readonly unknown[], wanted: readonly number[]): void {
  expect(list).toHaveLength(wanted.length);
  for (const [i, one] of numbers(list).entries()) expect(one, `entry ${i}`).toBeCloseTo(wanted[i]!, 3);
}

it('ends after three steps', async () => {
  const { tokens } = await lm.generate(fact, early);
  expect(tokens[0]).toHaveLength(END);
});

describe('a loop over all steps', () => {
  it.each([
    [early, ran],
    [whole, tops],
  ])('gives sums, counters, extremes and last values of the steps that ran (%o)', async (options, wanted) => {
    const { result } = await lm.generate(fact, options, (tracer) => {
      let total = 0;
      let count = 0;
      let best = -1;
      let last = 0;
      let before = 0;
      let beforeThat: number | undefined;
      for (const step of tracer.iter()) {
        const value = top();
        total += value;
        count++;
        if (value > best) best = value;
        beforeThat = before;
        before = last;
        last = value;
        if (step > 10) total = 0;
      }
      const isLong = beforeThat !== undefined && count > 3 ? 1 : 0;
      return {
        total: save(total),
        mean: save(total / count),
        count: save(count),
        best: save(best),
        last: save(last),
        before: save(before),
        isLong: save(isLong),
      };
    });
    expect(number(result.total)).toBeCloseTo(sum(wanted), 3);
    expect(number(result.mean)).toBeCloseTo(sum(wanted) / wanted.length, 3);
    expect(number(result.count)).toBe(wanted.length);
    expect(number(result.best)).toBeCloseTo(Math.max(...wanted), 3);
    expect(number(result.last)).toBeCloseTo(wanted.at(-1)!, 3);
    expect(number(result.before)).toBeCloseTo(wanted.at(-2)!, 3);
    expect(number(result.isLong)).toBe(wanted.length > 3 ? 1 : 0);
  });

  it('gives lists, objects, pairs and plain numbers, one for each step that ran', async () => {
    const { result } = await lm.generate(fact, early, (tracer) => {
      const list = [];
      const objects = [];
      const pairs = [];
      const steps = [];
      const nested: number[][] = [[], []];
      let copied: number[] = [];
      for (const step of tracer.iter()) {
        const value = save(top());
        list.push(value);
        objects.push({ step, value });
        pairs.push([step, value] as const);
        steps.push(step);
        nested[step % 2]!.push(value);
        copied = [...copied, value];
      }
      return { list, objects, pairs, steps, nested, copied, count: save(list.length) };
    });
    expectNumbers(result.list, ran);
    expectNumbers(result.copied, ran);
    expect(result.steps).toEqual([0, 1, 2]);
    expect(number(result.count)).toBe(END);
    expect(result.objects.map(({ step }) => step)).toEqual([0, 1, 2]);
    expectNumbers(
      result.objects.map(({ value }) => value),
      ran,
    );
    expect(result.pairs.map(([step]) => step)).toEqual([0, 1, 2]);
    expectNumbers(
      result.pairs.map(([, value]) => value),
      ran,
    );
    expectNumbers(result.nested[0]!, [ran[0]!, ran[2]!]);
    expectNumbers(result.nested[1]!, [ran[1]!]);
  });

  it('keeps what a list holds in the loop, where earlier steps have run', async () => {
    const { result } = await lm.generate(fact, early, (tracer) => {
      const list: number[] = [];
      const differences = [];
      for (const _ of tracer.iter()) {
        list.push(top());
        if (list.length > 1) differences.push(save(list.at(-1)! - list.at(-2)!));
      }
      return differences;
    });
    expectNumbers(result, [ran[1]! - ran[0]!, ran[2]! - ran[1]!]);
  });

  it('goes on with a list after it', async () => {
    const { result } = await lm.generate(fact, early, (tracer) => {
      const list: number[] = [];
      for (const _ of tracer.iter()) list.push(top());
      let total = 0;
      for (const one of list) total += one;
      return { total: save(total), length: save(list.length), first: save(list[0]!) };
    });
    expect(number(result.total)).toBeCloseTo(sum(ran), 3);
    expect(number(result.length)).toBe(END);
    expect(number(result.first)).toBeCloseTo(ran[0]!, 3);
  });

  it('follows objects that later steps change', async () => {
    const { result } = await lm.generate(fact, early, (tracer) => {
      const objects: { value: number; next: number | null }[] = [];
      const sums = { total: 0, count: 0 };
      for (const step of tracer.iter()) {
        const value = save(top());
        if (step > 0) objects[step - 1]!.next = value;
        objects.push({ value, next: null });
        sums.total += value;
        sums.count += 1;
      }
      return { objects, total: save(sums.total), count: save(sums.count) };
    });
    expect(result.objects).toHaveLength(END);
    expectNumbers(
      result.objects.map(({ next }) => next),
      [ran[1]!, ran[2]!, null as never],
    );
    expect(number(result.total)).toBeCloseTo(sum(ran), 3);
    expect(number(result.count)).toBe(END);
  });

  it('gives what was saved in the loop', async () => {
    const { result } = await lm.generate(fact, early, (tracer) => {
      let last = 0;
      const by: Record<string, number> = {};
      for (const step of tracer.iter()) {
        last = save(top());
        by[`step${step}`] = last;
      }
      return { last, by };
    });
    expect(number(result.last)).toBeCloseTo(ran.at(-1)!, 3);
    expect(number(result.by.step2)).toBeCloseTo(ran[2]!, 3);
    expect(result.by.step3).toBeUndefined();
  });

  it('changes elements of a tensor for the steps that ran', async () => {
    const { result } = await lm.generate(fact, early, (tracer) => {
      const found = lm.lm_head.output['0, -1, :6'].clone();
      found[':'] = 0;
      for (const _ of tracer.iter()) found[':2'] += top();
      return save(found);
    });
    expectNumbers(Array.from(result.data), [sum(ran), sum(ran), 0, 0, 0, 0]);
  });

  it('ends by break and return on what a step gives', async () => {
    const { result } = await lm.generate(fact, early, (tracer) => {
      let seen = 0;
      for (const step of tracer.iter()) {
        seen = step + 1;
        if (top() < 0) break;
        if (step === 4) break;
      }
      const find = () => {
        'use trace';
        for (const step of tracer.iter()) if (step === 1) return top();
        return -1;
      };
      const never = () => {
        'use trace';
        for (const step of tracer.iter()) if (step === 5) return 1;
        return -1;
      };
      return { seen: save(seen), found: save(find()), never: save(never()) };
    });
    expect(number(result.seen)).toBe(END);
    expect(number(result.found)).toBeCloseTo(ran[1]!, 3);
    expect(number(result.never)).toBe(-1);
  });
});

describe('some steps', () => {
  it('of a range or list that goes past the end', async () => {
    const { result } = await lm.generate(fact, early, (tracer) => {
      let total = 0;
      let others = 0;
      let fifth = 0;
      for (const _ of tracer.iter(1, 5)) total += top();
      for (const _ of tracer.iter([0, 2, 4])) others += top();
      for (const _ of tracer.iter(5)) fifth += 1;
      return { total: save(total), others: save(others), fifth: save(fifth) };
    });
    expect(number(result.total)).toBeCloseTo(ran[1]! + ran[2]!, 3);
    expect(number(result.others)).toBeCloseTo(ran[0]! + ran[2]!, 3);
    expect(number(result.fifth)).toBe(0);
  });

  it('that do not ascend are an error at the line', async () => {
    const trace = lm.generate(fact, early, (tracer) => {
      for (const _ of tracer.iter([2, 0])) save(top());
    });
    await expect(trace).rejects.toThrow(/generation-end\.test\.ts:\d+:\d+ - iter\(\[2,0\]\): the steps do not ascend/);
  });

  it('in an array are an error at the line', async () => {
    const trace = lm.generate(fact, early, (tracer) => save([...tracer.iter()].length));
    await expect(trace).rejects.toThrow(
      /generation-end\.test\.ts:\d+:\d+ - The steps of a generation are gone through by/,
    );
    const { result } = await lm.generate(fact, whole, (tracer) => [...tracer.iter()]);
    expect(result).toEqual([0, 1, 2, 3, 4, 5]);
  });
});

describe('effects in steps', () => {
  it('of a function that was not compiled are an error at the line', async () => {
    const counted = new Function('return ((n) => () => n++)(0)')() as () => number;
    const trace = lm.generate(fact, early, (tracer) => {
      for (const _ of tracer.iter()) counted();
      return save(top());
    });
    await expect(trace).rejects.toThrow(TraceError);
  });

  it('print for the steps that ran', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    try {
      await lm.generate(fact, early, (tracer) => {
        for (const step of tracer.iter()) console.log('step', step, top());
        for (const step of tracer.iter()) console.log('plain', step);
      });
      const lines = log.mock.calls.map(([text, step]) => `${text} ${step}`);
      expect(lines).toEqual(['step 0', 'step 1', 'step 2', 'plain 0', 'plain 1', 'plain 2']);
    } finally {
      log.mockRestore();
    }
  });

  it('call functions on the values that they have then', async () => {
    const calls: number[] = [];
    const { result } = await lm.generate(fact, early, (tracer) => {
      let total = 0;
      for (const _ of tracer.iter()) total += tracer.apply((x) => x, top());
      const doubled = tracer.apply((x: Tensor) => {
        calls.push(Number(x.item()));
        return Number(x.item()) * 2;
      }, total);
      return save(doubled + 1);
    });
    expectNumbers(calls, [sum(ran)]);
    expect(number(result)).toBeCloseTo(2 * sum(ran) + 1, 3);
  });

  it('change the model in the steps that run', async () => {
    const steer = (tracer: Steps) => {
      'use trace';
      const list = [];
      for (const _ of tracer.iter()) {
        lm.transformer.h[2].output[':, -1'] *= 0.5;
        list.push(save(top()));
      }
      return list;
    };
    const all = await lm.generate(fact, whole, (tracer) => steer(tracer));
    const stop = all.tokens[0]![2]!;
    const at = all.tokens[0]!.indexOf(stop) + 1;
    const { result } = await lm.generate(fact, { maxNewTokens: 6, stopTokens: [stop] }, (tracer) => steer(tracer));
    expectNumbers(result, numbers(all.result).slice(0, at) as number[]);
  });
});

describe('the end', () => {
  it('by stop() behind a loop is the last step that the loop got to', async () => {
    const { tokens, result } = await lm.generate(fact, whole, (tracer) => {
      let total = 0;
      for (const _ of tracer.iter(0, 4)) total += top();
      const saved = save(total);
      tracer.stop();
      return saved;
    });
    expect(tokens[0]).toHaveLength(4);
    expect(number(result)).toBeCloseTo(sum(tops.slice(0, 4)), 3);
  });

  it('by stop() in a loop keeps what was saved before', async () => {
    const { tokens, result } = await lm.generate(fact, early, (tracer) => {
      let last = 0;
      const list = [];
      for (const step of tracer.iter()) {
        last = save(top());
        list.push(last);
        if (step === 1) {
          tracer.stop();
          break;
        }
      }
      return { last, list };
    });
    expect(tokens[0]).toHaveLength(2);
    expect(number(result.last)).toBeCloseTo(ran[1]!, 3);
    expectNumbers(result.list, ran.slice(0, 2));
  });

  it('of each row is its own: an invoke sees the steps until its rows have ended', async () => {
    const plain = parity.generate_batch.plain;
    const options = { maxNewTokens: 5, stopTokens: [49] };
    const sums = (tracer: Steps) => {
      'use trace';
      let total = 0;
      const list = [];
      for (const _ of tracer.iter()) {
        total += top();
        list.push(save(top()));
      }
      return { total: save(total), list };
    };
    const { tokens, result } = await lm.generate(options, (tracer) => ({
      one: tracer.invoke(fact, () => sums(tracer)),
      other: tracer.invoke(france, () => sums(tracer)),
    }));
    expect(tokens.map(({ length }) => length)).toEqual([5, 4]);
    const [one, other] = await Promise.all(
      [fact, france].map((prompt) => lm.generate(prompt, options, (tracer) => sums(tracer))),
    );
    expect(plain.tokens).toHaveLength(2);
    expectNumbers(result.one.list, numbers(one!.result.list) as number[]);
    expectNumbers(result.other.list, numbers(other!.result.list) as number[]);
    expect(result.other.list).toHaveLength(4);
    expect(number(result.one.total)).toBeCloseTo(sum(numbers(one!.result.list) as number[]), 3);
    expect(number(result.other.total)).toBeCloseTo(sum(numbers(other!.result.list) as number[]), 3);
  });
});

describe('next()', () => {
  it('goes on to a step that may not run: what is saved there is undefined', async () => {
    const { result } = await lm.generate(fact, early, (tracer) => {
      const first = save(top());
      tracer.next(2);
      const third = save(top());
      tracer.next(2);
      const fifth = save(top());
      return { first, third, fifth, both: save(first + third), all: save(first + fifth) };
    });
    expect(number(result.first)).toBeCloseTo(ran[0]!, 3);
    expect(number(result.third)).toBeCloseTo(ran[2]!, 3);
    expect(result.fifth).toBeUndefined();
    expect(result.all).toBeUndefined();
  });
});

describe('what a step demands', () => {
  const count = (options: object, least: number, from: number) =>
    lm.generate(fact, options, (tracer) => {
      let count = 0;
      for (const step of tracer.iter()) {
        let found: { v: number } | null = null;
        if (step < from || top() > least) found = { v: 1 };
        found!.v;
        count++;
      }
      return save(count);
    });

  it('is nothing where it holds, or where the step does not run', async () => {
    expect(number((await count(early, -1e6, 0)).result)).toBe(END);
    expect(number((await count(early, 1e6, END)).result)).toBe(END);
  });

  it('fails the generation where it does not hold', async () => {
    await expect(count(whole, 1e6, END)).rejects.toThrow(/generation-end\.test\.ts:\d+:\d+ - .* is undefined or null/s);
    await expect(count(early, 1e6, 1)).rejects.toThrow(/generation-end\.test\.ts:\d+:\d+ - .* is undefined or null/s);
  });
});
