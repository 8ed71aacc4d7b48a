import { backward, save, square, sum, Tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { ort } from '../../runtime/ort/ort.ts';
import { loadToy } from '../support/toy.ts';

const LARGE = 2 ** 20;

describe('the memory of a tensor that is given back', () => {
  it('is free at once', () => {
    const tensor = ort.tensor('float32', [LARGE], new Float32Array(LARGE));
    const before = process.memoryUsage().arrayBuffers;
    ort.free(tensor);
    expect(before - process.memoryUsage().arrayBuffers).toBeGreaterThanOrEqual(4 * LARGE);
    ort.free(tensor);
  });

  it('stays where it is a part of something larger', () => {
    const numbers = new Float32Array(2 * LARGE).fill(3);
    ort.free(ort.tensor('float32', [LARGE], numbers.subarray(LARGE)));
    expect(numbers.at(-1)).toBe(3);
  });
});

describe('what a trace with a gradient gives to the user stays when its own memory is free', () => {
  // Long enough that its tensors are given back.
  const ids = Tensor.from([Array.from({ length: 64 }, (_, i) => (i * 7) % 50)], 'int64');

  it('what is saved, also of a run that others share, and the gradient that a derivative of the user was given', async () => {
    const lm = await loadToy();
    const { h, ln_f } = lm.transformer;
    const run = async () => {
      const kept: Tensor[] = [];
      const found = await lm.trace({ input_ids: ids }, (tracer) => {
        const x = h[1].output;
        const same = (one: Tensor) => one;
        const back = (gradient: Tensor) => {
          kept.push(gradient);
          return gradient;
        };
        h[1].output = tracer.apply(same, x, { backward: back });
        backward(sum(square(ln_f.output)));
        return { first: save(h[0].output), x: save(x), gradient: save(x.grad) };
      });
      return { ...found, kept: kept[0]! };
    };
    const first = await run();
    // The same inputs again: these runs share what they compute.
    const others = [await run(), await run(), await run()];
    expect(first.kept.dims).toEqual([1, 64, 128]);
    expect(first.kept.data.some((one) => Number(one) !== 0)).toBe(true);
    expect(first.kept.data).toEqual(first.gradient.data);
    const data = (one: typeof first) => Object.values(one).map((tensor) => tensor.data);
    for (const other of others) expect(data(other)).toEqual(data(first));
  });
});
