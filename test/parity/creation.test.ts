import { arange, eye, full, linspace, ones, rand, randint, randn, randperm, save, zeros, zerosLike } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, loadToy, reference } from '../support/toy.ts';
import { clean, loadSmall } from './support.ts';

const lm = await loadToy();
const mlp = await loadSmall('zoo/mlp.ts');
const x = [[0.1, 0.2, 0.3, 0.4, 0.5]];
const list = ({ data }: { data: ArrayLike<unknown> }) => Array.from(data, Number);

describe('tensors made inside a trace', () => {
  it('with the values that PyTorch gives them', async () => {
    const made = await mlp.trace(x, () => ({
      arange: save(arange(4)),
      zeros: save(zeros(2, 3)),
      ones: save(ones([2])),
      full: save(full([2], 7)),
      eye: save(eye(2)),
      linspace: save(linspace(0, 1, 5)),
      like: save(zerosLike(mlp.output)),
    }));
    expect(list(made.arange)).toEqual([0, 1, 2, 3]);
    expect(made.arange.dtype).toBe('int64');
    expect(made.zeros.dims).toEqual([2, 3]);
    expect(list(made.ones)).toEqual([1, 1]);
    expect(list(made.full)).toEqual([7, 7]);
    expect(list(made.eye)).toEqual([1, 0, 0, 1]);
    expect(list(made.linspace)).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect(made.like.dims).toEqual([1, 2]);
  });

  it('take sizes that only the run tells', async () => {
    const made = await mlp.trace(x, () => {
      const n = mlp.layer1.output.shape[1]!;
      return { zeros: save(zeros(n)), arange: save(arange(n)), eye: save(eye(n)) };
    });
    expect(made.zeros.dims).toEqual([10]);
    expect(list(made.arange)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(made.eye.dims).toEqual([10, 10]);
  });

  it('at random: the same for the same seed', async () => {
    const draw = (seed: number) =>
      mlp.trace(x, () => ({
        rand: save(rand(20, { seed })),
        randn: save(randn([20], { seed })),
        randint: save(randint(0, 10, [20], { seed })),
        below: save(randint(10, [20], { seed })),
        order: save(randperm(20, { seed })),
      }));
    const [a, b, c] = [await draw(1), await draw(1), await draw(2)];
    expect(list(a.rand)).toEqual(list(b.rand));
    expect(list(a.randn)).toEqual(list(b.randn));
    expect(list(a.randint)).toEqual(list(b.randint));
    expect(list(a.below)).toEqual(list(a.randint));
    expect(list(a.order)).toEqual(list(b.order));
    expect(list(a.order)).not.toEqual(list(a.order).sort((m, n) => m - n));
    expect(list(a.order).sort((m, n) => m - n)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(list(a.rand)).not.toEqual(list(c.rand));
    expect(list(a.rand).every((value) => value >= 0 && value < 1)).toBe(true);
    expect(list(a.randint).every((value) => Number.isInteger(value) && value >= 0 && value < 10)).toBe(true);
  });

  it('and anew in every run without one', async () => {
    const draw = () => mlp.trace(x, () => save(rand(20)));
    expect(list(await draw())).not.toEqual(list(await draw()));
  });

  it('go into the model', async () => {
    const logits = await lm.trace(clean, () => {
      lm.transformer.h[2].mlp.output[':, -1'] = zeros(128);
      return save(lm.lm_head.output['0, -1']);
    });
    expectClose(logits, reference.cases.zero_last.logits_last);
  });
});
