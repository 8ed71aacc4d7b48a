import { add, mul, save, sum, type Tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { difference, loadSmall } from './support.ts';

const mlp = await loadSmall('zoo/mlp.ts');
const x = [[0.1, 0.2, 0.3, 0.4, 0.5]];

/** A number that only the run knows. */
const traced = (value: number) => {
  'use trace';
  return mlp.layer1.output[0][0] * 0 + value;
};
/** The numbers 0, 1, 2, 4, of which only the run knows what they are. */
const items = () => {
  'use trace';
  return add(mul(mlp.layer1.output['0, :4'], 0), [0, 1, 2, 4]);
};
const list = (tensors: readonly Tensor[]) => tensors.map((tensor) => tensor.item());

/** The control flow that nnsight 0.4 gets wrong, some of it silently, with what the program means. */
describe('control flow over traced values', () => {
  it.each([
    [1, 2],
    [-1, 3],
  ])('if and else assign a variable that is used afterwards (%i)', async (value, expected) => {
    const w = await mlp.trace(x, () => {
      const c = traced(value);
      let z: number;
      if (c > 0) z = c * 0 + 1;
      else z = c * 0 + 2;
      return save(z + 1);
    });
    expect(w.item()).toBe(expected);
  });

  it.each([
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ])('&&, ||, ! and ?: (%s, %s)', async (p, q) => {
    const results = await mlp.trace(x, () => {
      const a = traced(p ? 1 : -1);
      const b = traced(q ? 1 : -1);
      let both = 0;
      let either = 0;
      if (a > 0 && b > 0) both = 1;
      both += 10;
      if (a > 0 || b > 0) either = 1;
      either += 10;
      const not = !(a > 0) ? 1 : 0;
      return { both: save(both), either: save(either), not: save(not), choice: save(a > 0 ? b * 2 : b * 3) };
    });
    expect(results.both.item()).toBe(p && q ? 11 : 10);
    expect(results.either.item()).toBe(p || q ? 11 : 10);
    expect(results.not.item()).toBe(p ? 0 : 1);
    expect(results.choice.item()).toBe((q ? 1 : -1) * (p ? 2 : 3));
  });

  it('while', async () => {
    const count = await mlp.trace(x, () => {
      let value = traced(20);
      let count = 0;
      while (value > 1) {
        value /= 2;
        count++;
      }
      return save(count);
    });
    expect(count.item()).toBe(5);
  });

  it('append in a loop, and afterwards', async () => {
    const out = await mlp.trace(x, () => {
      const out = [];
      for (const item of items()) out.push(save(item * 10));
      out.push(save(traced(99)));
      return out;
    });
    expect(list(out)).toEqual([0, 10, 20, 40, 99]);
  });

  it('break', async () => {
    const out = await mlp.trace(x, () => {
      const out = [];
      for (const item of items()) {
        if (item === 2) break;
        out.push(save(item));
      }
      out.push(save(traced(99)));
      return out;
    });
    expect(list(out)).toEqual([0, 1, 99]);
  });

  it('continue', async () => {
    const out = await mlp.trace(x, () => {
      const out = [];
      for (const item of items()) {
        if (item === 2) continue;
        out.push(save(item));
      }
      out.push(save(traced(99)));
      return out;
    });
    expect(list(out)).toEqual([0, 1, 4, 99]);
  });

  it('a total', async () => {
    const total = await mlp.trace(x, () => {
      let total = traced(0);
      for (const item of items()) total = total + item;
      return save(total);
    });
    expect(total.item()).toBe(7);
  });

  it('a condition in a helper that ends with it', async () => {
    const sign = (value: number) => {
      'use trace';
      if (value > 0) return 1;
      return -1;
    };
    const results = await mlp.trace(x, () => [save(sign(traced(5))), save(sign(traced(-5)))]);
    expect(list(results)).toEqual([1, -1]);
  });

  it.each([1, -1])('a branch may read a later module, and edits before it are kept (%i)', async (value) => {
    const { seen, output } = await mlp.trace(x, () => {
      const condition = traced(value);
      mlp.layer1.output[':'] = 1;
      const seen = [];
      if (condition > 0) seen.push(save(mlp.layer2.output));
      return { seen, output: save(mlp.output) };
    });
    const edited = await mlp.trace(x, () => {
      mlp.layer1.output[':'] = 1;
      return save(mlp.output);
    });
    expect(difference(output, edited)).toBe(0);
    expect(seen).toHaveLength(value > 0 ? 1 : 0);
    if (value > 0) expect(difference(seen[0]!, edited)).toBe(0);
  });

  it('a plain list around a module read: unrolled', async () => {
    const out = await mlp.trace(x, () => {
      const out = [];
      for (const factor of [0, 1, 2]) out.push(save(sum(mlp.layer1.output) * factor));
      return out;
    });
    expect(out).toHaveLength(3);
    expect(out[2]!.item()).toBeCloseTo(2 * out[1]!.item(), 4);
  });

  it('the future into the past is an error that names both lines', async () => {
    const cycle = mlp.trace(x, () => {
      mlp.layer1.output[':'] = mlp.layer2.output.sum();
      return save(mlp.output);
    });
    await expect(cycle).rejects.toThrow(
      /control-flow\.test\.ts:\d+:\d+ - This is a cycle: layer1\.output .*layer2\.output \(read at .*control-flow\.test\.ts:\d+/,
    );
  });

  it('a condition with several elements is an error as in PyTorch', async () => {
    const ambiguous = mlp.trace(x, () => {
      if (mlp.layer1.output > 0) mlp.layer1.output *= 2;
      return save(mlp.output);
    });
    await expect(ambiguous).rejects.toThrow(
      /control-flow\.test\.ts:\d+:\d+ - Boolean value of a tensor with more than one value is ambiguous/,
    );
  });

  it('a block whose conditions depend on one another', async () => {
    const { a, b } = await mlp.trace(x, () => {
      let a = traced(1);
      let b = traced(0);
      if (a > 0) a = a + 5;
      if (a > 5) b = a * 2;
      if (b > 11) {
        if (a > 100) b = b * 0;
        else b = b + 1;
      }
      return { a: save(a), b: save(b) };
    });
    expect([a.item(), b.item()]).toEqual([6, 13]);
  });

  it('nested loops over a list of lists', async () => {
    const flat = await mlp.trace(x, () => {
      const flat = [];
      const rows = mul(mlp.layer1.output['0, :4'], 0).add([0, 1, 2, 3]).reshape(2, 2);
      for (const row of rows) for (const item of row) flat.push(save(item));
      return flat;
    });
    expect(list(flat)).toEqual([0, 1, 2, 3]);
  });
});
