import * as onnsight from 'onnsight';
import { backward, type Loose, save, sum, type Tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { loadSmall } from './support.ts';

const mlp = (await loadSmall('zoo/mlp.ts')) as Loose;
const x = [[0.1, 0.2, 0.3, 0.4, 0.5]];
const list = ({ data }: { data: ArrayLike<unknown> }) => Array.from(data, Number);
const everywhere = (tensor: Tensor, value: number) => expect(new Set(list(tensor))).toEqual(new Set([value]));

describe("nnsight's test_tiny, assertion by assertion", () => {
  it('test_save_output', async () => {
    expect(await mlp.trace(x, () => save(mlp.layer2.output))).toBeInstanceOf(onnsight.Tensor);
  });

  it('test_torch_creation_operations: of sizes that a module has', async () => {
    const { arange, empty, eye, full, linspace, logspace, ones, rand, randint, randn, randperm, zeros } = onnsight;
    const made: Tensor[] = await mlp.trace(x, () => {
      const { shape } = mlp.layer1.output;
      const [rows, size] = shape;
      return [
        arange(rows, size),
        empty(shape),
        eye(rows),
        full(shape, 5),
        linspace(rows, size, 5),
        logspace(rows, size, 5),
        ones(shape),
        rand(shape),
        randint(5, shape),
        randn(shape),
        randperm(rows),
        zeros(shape),
      ].map((one) => save(one));
    });
    const [whole, five] = [[1, 10], [5]];
    expect(made.map(({ dims }) => dims)).toEqual([
      ...[[9], whole, [1, 1], whole, five, five],
      ...[whole, whole, whole, whole, [1], whole],
    ]);
    expect(list(made[0]!)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(made.flatMap(({ dtype }, i) => (dtype === 'int64' ? [i] : []))).toEqual([0, 3, 8, 10]);
    expect(list(made[4]!)).toEqual([1, 3.25, 5.5, 7.75, 10]);
    expect(list(made[5]!).map((value) => Math.log10(value))).toEqual(
      [1, 3.25, 5.5, 7.75, 10].map((value) => expect.closeTo(value, 5)),
    );
    expect(list(made[8]!).every((value) => [0, 1, 2, 3, 4].includes(value))).toBe(true);
  });

  it('test_grad_access_and_modify', async () => {
    const { once, twice } = await mlp.trace(x, () => {
      const { output } = mlp.layer1;
      backward(sum(mlp.output));
      const once = save(output.grad.clone());
      output.grad = output.grad.clone() * 2;
      return { once, twice: save(output.grad) };
    });
    expect(list(twice)).toEqual(list(once).map((value) => value * 2));
    expect(list(once).some((value) => value !== 0)).toBe(true);
  });

  it('test_true_conditional, test_false_conditional', async () => {
    for (const num of [5, -5]) {
      let first: Tensor | undefined;
      const second = await mlp.trace(x, () => {
        if (num > 0) {
          mlp.layer1.output[':'] = 1;
          first = save(mlp.layer1.output);
        }
        return save(mlp.layer2.output);
      });
      if (num > 0) everywhere(first!, 1);
      else expect(first).toBeUndefined();
      expect(second).toBeInstanceOf(onnsight.Tensor);
    }
  });

  it('test_tensor_as_condition', async () => {
    const { out, first } = await mlp.trace(x, () => {
      const out = mlp.layer1.output;
      out[':, 0'] = 1;
      let first: unknown;
      if (out[':, 0'] !== 1) {
        mlp.layer1.output[':'] = 1;
        first = save(mlp.layer1.output);
      }
      return { out: save(out), first };
    });
    expect(first).toBeUndefined();
    expect(list(out)[0]).toBe(1);
    expect(list(out)[1]).not.toBe(1);
  });

  it('test_multiple_dependent_conditionals', async () => {
    const num = 5;
    const second = await mlp.trace(x, () => {
      const first = mlp.layer1.output;
      const second = save(mlp.layer2.output);
      if (num > 0) first[':'] = 1;
      if (first['0, 0'] !== 1) mlp.layer2.output[':'] = 2;
      if (first['0, 0'] === 1) second[':'] = 3;
      return second;
    });
    everywhere(second, 3);
  });

  it('test_nested_conditionals', async () => {
    const num = 5;
    let first: Tensor | undefined;
    let second: Tensor | undefined;
    await mlp.trace(x, () => {
      if (num > 0) {
        first = save(mlp.layer1.output);
        if (num > 0) mlp.layer1.output[':'] = 1;
        if (num < 0) mlp.layer1.output[':'] = 2;
      }
      if (num < 0) {
        mlp.layer2.output[':'] = 0;
        if (num > 0) second = save(mlp.layer2.output);
      }
    });
    everywhere(first!, 1);
    expect(second).toBeUndefined();
  });

  it('test_cross_trace_intervention, test_bridge_protocol', async () => {
    const { first, set } = await mlp.session((session: Loose) => {
      const value = 0;
      const first = session.trace(x, () => save(mlp.layer1.output));
      session.trace(x, () => {
        first[':, 2'] = 5;
      });
      const set = session.trace(x, () => {
        mlp.layer1.output[':'] = value;
        return save(mlp.layer1.output);
      });
      return { first, set };
    });
    expect(list(first)[2]).toBe(5);
    everywhere(set, 0);
  });

  it('test_conditional_trace, test_conditional_iteration', async () => {
    const num = 5;
    const { output, result } = await mlp.session((session: Loose) => {
      const result: number[] = [];
      let output: unknown;
      if (num > 0) output = session.trace(x, () => save(mlp.output));
      for (const item of [0, 1, 2]) {
        if (item % 2 === 0) session.trace(x, () => void result.push(item));
      }
      return { output, result };
    });
    expect(output).toBeInstanceOf(onnsight.Tensor);
    expect(result).toEqual([0, 2]);
  });

  it('test_loop_with_break, test_nested_iterator, test_nnsight_builtins, test_bridged_node_cleanup', async () => {
    const found = await mlp.session(() => {
      const broken = [0];
      for (const item of [1, 2, 3, 4]) {
        if (item === 3) break;
        broken.push(item);
      }
      broken.push(5);
      const flat: number[] = [];
      for (const items of [[0], [1], [2]]) for (const item of items) flat.push(item);
      const [one, other]: unknown[][] = [[], []];
      for (const all of [one!, other!]) all.push(Number, 'Hello World', { a: '1' });
      return { broken, flat, one, other };
    });
    expect(found.broken).toEqual([0, 1, 2, 5]);
    expect(found.flat).toEqual([0, 1, 2]);
    expect(found.one).toEqual([Number, 'Hello World', { a: '1' }]);
    expect(found.other).toEqual(found.one);
  });

  it('test_stop_protocol, test_stop_prevents_operations', async () => {
    let [second, double]: unknown[] = [];
    const first = await mlp.trace(x, (tracer: Loose) => {
      const first = save(mlp.layer1.output);
      tracer.stop();
      second = save(mlp.layer2.output);
      double = save(mlp.layer1.output * 2);
      return first;
    });
    expect(first).toBeInstanceOf(onnsight.Tensor);
    for (const late of [second, double]) expect(() => (late as Tensor).data).toThrow(/stop\(\)/);
  });
});

describe("nnsight's test_multiple_wrappers, assertion by assertion", () => {
  it('models of one file, in turn and at once, give the same, whatever the others do', async () => {
    const models = (await Promise.all(Array.from({ length: 6 }, () => loadSmall('zoo/mlp.ts')))) as Loose[];
    const read = (model: Loose) =>
      model.trace(x, () => ({ inner: save(model.layer1.output), out: save(model.layer2.output) }));
    const [one, two] = models as [Loose, Loose];
    const baseline = await read(one);
    const all = [...models, ...models.toReversed()];
    const found = [...(await Promise.all(all.map(read))), ...(await Promise.all(models.map(read)))];
    for (const { inner, out } of found) {
      expect(list(inner)).toEqual(list(baseline.inner));
      expect(list(out)).toEqual(list(baseline.out));
    }
    const changed = await one.trace(x, () => {
      one.layer1.output[':'] = 0;
      return save(one.layer2.output);
    });
    expect(list(changed)).not.toEqual(list(baseline.out));
    const replaced = await one.trace(x, () => {
      one.layer2.output = one.layer1.output[':, :2'];
      return save(one.output);
    });
    expect(list(replaced)).toEqual(list(baseline.inner).slice(0, 2));
    expect(list((await read(two)).out)).toEqual(list(baseline.out));
    const fresh = (await loadSmall('zoo/mlp.ts')) as Loose;
    expect(list((await read(fresh)).out)).toEqual(list(baseline.out));
    const gradients = await Promise.all(
      [one, two].map((model) =>
        model.trace(x, () => {
          const { output } = model.layer1;
          backward(sum(model.output));
          return save(output.grad);
        }),
      ),
    );
    expect(list(gradients[0])).toEqual(list(gradients[1]));
  });
});
