import { add, gt, save, topk } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { loadToy } from '../support/toy.ts';
import { clean, fact, loadSmall } from './support.ts';

const lm = await loadToy();
const mlp = await loadSmall('zoo/mlp.ts');

describe('scan: shapes and dtypes without running anything', () => {
  it('of any module, and of what is computed from it', async () => {
    const shapes = await lm.scan(fact, () => {
      const { values, indices } = topk(lm.lm_head.output['0, -1'], 5);
      return {
        hidden: lm.transformer.h[2].output,
        pattern: lm.transformer.h[1].attn.ops.Softmax.output,
        weight: lm.transformer.h[0].mlp.c_fc.weight,
        sum: add(lm.transformer.h[0].output, 1).sum(-1),
        values,
        indices,
      };
    });
    expect(shapes).toEqual({
      hidden: { dtype: 'float32', dims: [1, 9, 128] },
      pattern: { dtype: 'float32', dims: [1, 4, 9, 9] },
      weight: { dtype: 'float32', dims: [128, 512] },
      sum: { dtype: 'float32', dims: [1, 9] },
      values: { dtype: 'float32', dims: [5] },
      indices: { dtype: 'int64', dims: [5] },
    });
  });

  it('shapes are plain numbers already in the block', async () => {
    let size = 0;
    await mlp.scan([[1, 2, 3, 4, 5]], () => {
      size = mlp.layer1.output.shape[1]!;
      return mlp.output;
    });
    expect(size).toBe(10);
  });

  it('sees interventions, and runs no function', async () => {
    let calls = 0;
    const shapes = await lm.scan(clean, (tracer) => {
      lm.transformer.h[1].output *= 2;
      return tracer.apply((x) => {
        calls++;
        return x;
      }, lm.transformer.h[1].output);
    });
    expect(shapes).toEqual({ dtype: 'float32', dims: [1, 15, 128] });
    expect(calls).toBe(0);
  });

  it('what only the run knows is null', async () => {
    const shapes = await mlp.scan([[1, 2, 3, 4, 5]], () => mlp.layer1.output[gt(mlp.layer1.output, 0)]);
    expect(shapes.dims).toEqual([null]);
  });
});

describe('validate: every trace is checked before it runs', () => {
  it('at the line of the mistake, with nothing run', async () => {
    let ran = false;
    const trace = lm.trace(clean, (tracer) => {
      tracer.apply((x) => {
        ran = true;
        return x;
      }, lm.transformer.h[0].output);
      return save(lm.transformer.h[0].output[':, 999']);
    });
    await expect(trace).rejects.toThrow(/scan\.test\.ts:\d+:\d+ - .*999/);
    expect(ran).toBe(false);
  });

  it('by scan and graph just as by trace', async () => {
    const broken = () => {
      'use trace';
      return save(mlp.layer1.output[':, 999']);
    };
    const x = [[1, 2, 3, 4, 5]];
    for (const checked of [mlp.scan(x, broken), mlp.graph(x, broken), mlp.trace(x, broken)]) {
      await expect(checked).rejects.toThrow(/scan\.test\.ts:\d+:\d+ - .*999/);
    }
  });
});
