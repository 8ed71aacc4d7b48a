import { backward, save, sum, Tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, loadToy, reference } from '../support/toy.ts';
import { clean, corrupt, difference, parity } from './support.ts';

const lm = await loadToy();
const half = (x: Tensor) =>
  Tensor.from(
    Float32Array.from(x.data as Float32Array, (value) => value / 2),
    'float32',
    x.dims,
  );
const usable = async () =>
  expectClose(await lm.trace(clean, () => save(lm.lm_head.output['0, -1'])), reference.cases.modules.logits_last);

describe('apply: a JavaScript function on real tensors in the middle of the forward pass', () => {
  it('its result goes on through the model', async () => {
    const logits = await lm.trace(clean, (tracer) => {
      lm.transformer.h[1].output = tracer.apply(half, lm.transformer.h[1].output);
      return save(lm.lm_head.output['0, -1']);
    });
    expectClose(logits, reference.cases.scale.logits_last);
  });

  it('it may be asynchronous, and is called once with what the model really computed', async () => {
    const seen: Tensor[] = [];
    const logits = await lm.trace(clean, (tracer) => {
      lm.transformer.h[1].output = tracer.apply(async (x) => {
        seen.push(x);
        await new Promise((resolve) => setTimeout(resolve, 5));
        return half(x);
      }, lm.transformer.h[1].output);
      return save(lm.lm_head.output['0, -1']);
    });
    expectClose(logits, reference.cases.scale.logits_last);
    expect(seen).toHaveLength(1);
    expectClose(seen[0]!, reference.cases.modules.modules['transformer.h.1'].output);
  });

  it('several tensors, another dtype and other dims', async () => {
    const { count, doubled } = await lm.trace(clean, (tracer) => {
      const { output } = lm.transformer.h[0];
      const count = tracer.apply(
        (a: Tensor, b: Tensor) => {
          let larger = 0;
          for (let i = 0; i < a.data.length; i++) if (a.data[i]! > b.data[i]!) larger++;
          return Tensor.from([larger], 'int64', [1]);
        },
        output,
        lm.transformer.h[1].output,
        { dtype: 'int64', dims: [1] },
      );
      return { count: save(count), doubled: save(count * 2) };
    });
    expect(count.dtype).toBe('int64');
    expect(Number(count.item())).toBeGreaterThan(100);
    expect(Number(doubled.item())).toBe(2 * Number(count.item()));
  });

  it('it may return numbers', async () => {
    const result = await lm.trace(clean, (tracer) =>
      save(tracer.apply((x) => Math.hypot(...(x.data as Float32Array)), lm.transformer.h[0].output, { dims: [] })),
    );
    expect(result.item()).toBeCloseTo(reference.cases.conditional.norm, 2);
  });

  it('two functions one after the other, with modules between them', async () => {
    const logits = await lm.trace(clean, (tracer) => {
      const twice = (x: Tensor) => half(half(x));
      lm.transformer.h[1].output = tracer.apply(half, lm.transformer.h[1].output);
      const last = tracer.apply(twice, lm.transformer.h[3].mlp.output);
      lm.transformer.h[3].mlp.output[':, -1'] = last[':, -1'] * 0;
      return save(lm.lm_head.output['0, -1']);
    });
    expectClose(logits, parity.edits.both);
  });

  it('in an invoke it gets the rows of that invoke', async () => {
    const dims: (readonly number[])[] = [];
    const logits = await lm.trace((tracer) => {
      tracer.invoke(corrupt, () => {});
      return tracer.invoke(clean, () => {
        lm.transformer.h[1].output = tracer.apply((x) => {
          dims.push(x.dims);
          return half(x);
        }, lm.transformer.h[1].output);
        return save(lm.lm_head.output['0, -1']);
      });
    });
    expect(dims).toEqual([[1, 15, 128]]);
    expectClose(logits, reference.cases.scale.logits_last);
  });

  it('in a session and in a generation', async () => {
    const logits = await lm.session((session) =>
      session.trace(clean, (tracer) => {
        lm.transformer.h[1].output = tracer.apply(half, lm.transformer.h[1].output);
        return save(lm.lm_head.output['0, -1']);
      }),
    );
    expectClose(logits, reference.cases.scale.logits_last);
    let calls = 0;
    const { result } = await lm.generate(clean, { maxNewTokens: 3, stopTokens: [] }, (tracer) => {
      const found = [];
      for (const _ of tracer.all()) {
        lm.transformer.h[1].output = tracer.apply((x) => {
          calls++;
          return half(x);
        }, lm.transformer.h[1].output);
        found.push(save(lm.lm_head.output['0, -1']));
      }
      return found;
    });
    expect(calls).toBe(3);
    expect(difference(result[0]!, logits)).toBeLessThan(1e-4);
  });
});

describe('apply: functions that give the wrong thing', () => {
  const through = (fn: (x: Tensor) => never) =>
    lm.trace(clean, (tracer) => {
      lm.transformer.h[1].output = tracer.apply(fn, lm.transformer.h[1].output); // @here
      return save(lm.lm_head.output);
    });

  it.each<[string, (x: Tensor) => unknown, RegExp]>([
    [
      'throws',
      () => {
        throw new RangeError('too cold');
      },
      /given to apply threw: too cold/,
    ],
    ['is rejected', () => Promise.reject(new Error('too late')), /given to apply threw: too late/],
    ['returns nothing', () => undefined, /given to apply returned nothing, not a tensor/],
    ['returns a text', () => 'tensor', /given to apply returned a value of type string, not a tensor/],
    [
      'returns another shape',
      () => [1, 2, 3],
      /given to apply returned a tensor of float32\[3\], but float32\[1, 15, 128\] is expected.*dtype, dims/,
    ],
    [
      'returns another dtype',
      (x) => Tensor.from(new BigInt64Array(x.data.length), 'int64', x.dims),
      /given to apply returned a tensor of int64\[1, 15, 128\], but float32\[1, 15, 128\] is expected/,
    ],
  ])('%s', async (_, fn, says) => {
    const trace = through(fn as never);
    await expect(trace).rejects.toThrow(says);
    await expect(trace).rejects.toThrow(/^test\/parity\/apply\.test\.ts:\d+:\d+ - /);
    await usable();
  });

  it('the error of the function is the cause', async () => {
    const own = new RangeError('mine');
    const error = await through(() => {
      throw own;
    }).catch((error: Error) => error);
    expect((error as Error).cause).toBe(own);
  });

  it('no function, and a dtype that there is not', async () => {
    await expect(lm.trace(clean, (tracer) => save(tracer.apply('half' as never, lm.lm_head.output)))).rejects.toThrow(
      /apply\.test\.ts:\d+:\d+ - apply needs a function/,
    );
    await expect(
      lm.trace(clean, (tracer) => save(tracer.apply(half, lm.lm_head.output, { dtype: 'float33' as never }))),
    ).rejects.toThrow(/apply\.test\.ts:\d+:\d+ - apply: there is no dtype 'float33'/);
  });

  it('in a loop of the graph', async () => {
    const trace = lm.trace(clean, (tracer) => {
      for (const row of lm.transformer.h[0].output) tracer.apply(half, row);
      return save(lm.lm_head.output);
    });
    await expect(trace).rejects.toThrow(/apply\.test\.ts:\d+:\d+ - apply stands in a loop/);
  });

  it('in a branch in which a gradient is taken', async () => {
    const trace = lm.trace(clean, (tracer) => {
      const { output } = lm.transformer.h[1];
      if (output.norm() > 1) {
        backward(sum(tracer.apply(half, output)));
        return save(output.grad);
      }
      return null;
    });
    await expect(trace).rejects.toThrow(/apply\.test\.ts:\d+:\d+ - apply stands in a branch in which a gradient/);
  });
});

describe('apply under a traced condition', () => {
  const { norm, taken_below: taken, taken_above: other } = reference.cases.conditional;
  /** The reference's conditional, with a function in its place on each side; tells which of them were called. */
  async function conditional(threshold: number) {
    const called: string[] = [];
    const logits = await lm.trace(clean, (tracer) => {
      if (lm.transformer.h[0].output.norm() > threshold) {
        const doubled = lm.transformer.h[1].output * 2;
        const halved = tracer.apply((x) => {
          called.push('half');
          return half(x);
        }, doubled);
        lm.transformer.h[1].output = halved / 2;
      } else {
        lm.transformer.h[1].output = tracer.apply((x) => {
          called.push('one more');
          return Tensor.from(
            Float32Array.from(x.data as Float32Array, (value) => value + 1),
            'float32',
            x.dims,
          );
        }, lm.transformer.h[1].output);
      }
      return save(lm.lm_head.output['0, -1']);
    });
    return { logits, called };
  }

  it('the function of the branch that runs is called, and its result goes on through the model', async () => {
    const below = await conditional(norm - 1);
    expectClose(below.logits, taken);
    expect(below.called).toEqual(['half']);
    const above = await conditional(norm + 1);
    expectClose(above.logits, other);
    expect(above.called).toEqual(['one more']);
  });

  it('what is saved of it is undefined where the branch did not run', async () => {
    const count = (x: Tensor) => x.data.length;
    for (const threshold of [norm - 1, norm + 1]) {
      let size: Tensor | undefined;
      await lm.trace(clean, (tracer) => {
        if (lm.transformer.h[0].output.norm() > threshold)
          size = save(tracer.apply(count, lm.transformer.h[2].output, { dims: [] }) + 1);
      });
      expect(size?.item()).toBe(threshold < norm ? 15 * 128 + 1 : undefined);
    }
  });

  it('several functions in nested conditions', async () => {
    const nested = async (outer: number, inner: number) => {
      const called: number[] = [];
      const [one, two, three, four] = [1, 2, 3, 4].map((level) => (x: Tensor) => {
        called.push(level);
        return Number(x.item()) + 10 ** level;
      });
      const sum = await lm.trace(clean, (tracer) => {
        const size = lm.transformer.h[0].output.norm();
        let sum = size * 0;
        if (size > outer) {
          sum = tracer.apply(one!, sum);
          if (sum + size > inner) sum = tracer.apply(two!, tracer.apply(three!, sum));
          else sum = tracer.apply(four!, sum);
          sum = sum * 2;
        }
        return save(sum);
      });
      return { sum: sum.item(), called };
    };
    expect(await nested(norm + 1, 0)).toEqual({ sum: 0, called: [] });
    expect(await nested(norm - 1, norm + 5)).toEqual({ sum: 2 * (10 + 1000 + 100), called: [1, 3, 2] });
    expect(await nested(norm - 1, norm + 15)).toEqual({ sum: 2 * (10 + 10000), called: [1, 4] });
  });

  it('under && and ?:, in an invoke, in a step of a generation, between the traces of a session', async () => {
    const seen: (readonly number[])[] = [];
    const look = (x: Tensor) => {
      seen.push(x.dims);
      return x;
    };
    await lm.trace((tracer) => {
      tracer.invoke(clean, () => save(lm.transformer.h[0].output));
      tracer.invoke(clean, () => {
        const { output } = lm.transformer.h[0];
        return save(output.norm() > 1 ? tracer.apply(look, output['0, -1']) : output['0, 0']);
      });
    });
    expect(seen.splice(0)).toEqual([[128]]);
    await lm.generate(clean, { maxNewTokens: 3 }, (tracer) => {
      for (const step of tracer.iter()) {
        const { output } = lm.transformer.h[0];
        if (output.norm() > (step === 1 ? 1e6 : 1)) save(tracer.apply(look, output['0, -1:']));
      }
    });
    expect(seen.splice(0)).toEqual([
      [1, 128],
      [1, 128],
    ]);
    const sums = await lm.session((session) => {
      const first = session.trace(clean, () => lm.transformer.h[0].output);
      return session.trace(clean, (tracer) => {
        let last = first['0, -1'];
        if (last.norm() > 1) last = tracer.apply(half, last);
        return { last: save(last), whole: save(first['0, -1']) };
      });
    });
    const { dims, data } = half(sums.whole);
    expectClose(sums.last, { dims: [...dims], data: Array.from(data, Number) });
  });

  it('a gradient goes back through a function that was called, and around one that was not', async () => {
    for (const threshold of [norm - 1, norm + 1]) {
      const gradient = await lm.trace(clean, (tracer) => {
        const { output } = lm.transformer.h[1];
        let scaled = output * 3;
        if (lm.transformer.h[0].output.norm() > threshold) scaled = tracer.apply(half, output, { backward: half });
        backward(sum(scaled));
        return save(output.grad);
      });
      expect(new Set(gradient.data)).toEqual(new Set([threshold < norm ? 0.5 : 3]));
    }
  });
});
