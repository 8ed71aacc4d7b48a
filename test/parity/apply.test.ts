import { save, Tensor } from 'onnsight';
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

  it('under a traced condition', async () => {
    const trace = lm.trace(clean, (tracer) => {
      if (lm.transformer.h[0].output.norm() > 1) tracer.apply(half, lm.transformer.h[1].output);
      return save(lm.lm_head.output);
    });
    await expect(trace).rejects.toThrow(/apply\.test\.ts:\d+:\d+ - apply stands in a branch or loop/);
  });
});
