import { fileURLToPath } from 'node:url';
import { add, mean, NNsight, norm, save, stack, sum, Tensor } from 'onnsight';
import { beforeAll, describe, expect, it } from 'vitest';
import { maxDifference } from '../support/toy.ts';

/*
 * Layers of the zoo's mlp: layer1 (2 × 10) and layer2 (2 × 2). What a block computes from numbers that it makes itself
 * is compared with the same JavaScript on plain numbers; what reads the model, with values saved by plain traces.
 */
const MLP = fileURLToPath(new URL('../fixtures/zoo/mlp.ts.onnx', import.meta.url));
const x = [
  [0.1, 0.2, 0.3, 0.4, 0.5],
  [0.5, 0.4, 0.3, 0.2, 0.1],
];
let model: NNsight;
let layer1: Tensor;
let layer2: Tensor;

beforeAll(async () => {
  model = await NNsight.load(MLP, { device: 'cpu' });
  ({ layer1, layer2 } = await model.trace({ x }, () => ({
    layer1: save(model.layer1.output),
    layer2: save(model.layer2.output),
  })));
});

/** A vector 0, 1, 2, … that only the run knows: it comes out of the model. */
function counting(n: number) {
  'use trace';
  const numbers = Tensor.from(
    Array.from({ length: n }, (_, i) => i),
    'float32',
  );
  return add(model.layer1.output[0][0] * 0, numbers);
}

const list = (tensor: Tensor) => Array.from(tensor.data as ArrayLike<number>, Number);

describe('conditionals', () => {
  it.each([true, false])('a variable assigned in both branches (%s)', async (positive) => {
    const r = await model.trace({ x }, () => {
      const a = counting(1)[0] + (positive ? 1 : -1);
      let z: number;
      if (a > 0) z = a * 10 + 1;
      else z = a * 10 + 2;
      return save(z + 1);
    });
    expect(r.item()).toBe(positive ? 12 : -7);
  });

  it.each([0, 1, 2])('else if chains (%i)', async (k) => {
    const r = await model.trace({ x }, () => {
      const a = counting(3)[k];
      let z = 0;
      if (a > 1.5) z = 3;
      else if (a > 0.5) z = 2;
      else z = 1;
      return save(z);
    });
    expect(r.item()).toBe(k + 1);
  });

  it.each([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ])('&&, ||, ! and ?: (%i, %i)', async (i, j) => {
    const r = await model.trace({ x }, () => {
      const p = counting(2)[i] > 0.5;
      const q = counting(2)[j] > 0.5;
      let and = 0;
      if (p && q) and = 1;
      let or = 0;
      if (p || q) or = 1;
      const not = !p ? 1 : 0;
      return { and: save(and), or: save(or), not: save(not) };
    });
    expect([r.and.item(), r.or.item(), r.not.item()]).toEqual([i & j, i | j, 1 - i]);
  });

  it('nested ones, and one that depends on another', async () => {
    const r = await model.trace({ x }, () => {
      const v = counting(5);
      let z = 0;
      if (v[3] > 2) {
        z = 1;
        if (v[1] > 2) z = 10;
        else z += 4;
      }
      if (z > 4) z *= 2;
      return save(z);
    });
    expect(r.item()).toBe(10);
  });

  it('a save in a branch is there only if the branch ran', async () => {
    const r = await model.trace({ x }, () => {
      const v = counting(2);
      let yes: unknown;
      let no: unknown;
      if (v[1] > 0) yes = save(v * 2);
      else no = save(v * 3);
      return { yes, no };
    });
    expect(list(r.yes as Tensor)).toEqual([0, 2]);
    expect(r.no).toBeUndefined();
  });

  it('branches of different shapes', async () => {
    const r = await model.trace({ x }, () => {
      const v = counting(4);
      let z = v;
      if (v[1] > 0) z = v['1:3'];
      return save(z * 2);
    });
    expect(list(r)).toEqual([2, 4]);
  });

  it('a branch reads and writes later modules', async () => {
    const r = await model.trace({ x }, () => {
      let seen = model.layer1.output.sum() * 0;
      if (model.layer1.output.norm() > 0) {
        seen = sum(model.layer2.output);
        model.layer2.output = model.layer2.output * 2;
      }
      return { seen: save(seen), output: save(model.output) };
    });
    const plain = list(layer2);
    expect(r.seen.item()).toBeCloseTo(
      plain.reduce((a, b) => a + b, 0),
      5,
    );
    expect(
      maxDifference(
        list(r.output),
        plain.map((value) => value * 2),
      ),
    ).toBeLessThan(1e-5);
  });

  it('an edit before a branch is kept, and one side edits in place', async () => {
    const r = await model.trace({ x }, () => {
      model.layer1.output[':'] = 1;
      if (sum(model.layer1.output) > 0) model.layer1.output[':, 0'] = 5;
      return { layer1: save(model.layer1.output), layer2: save(model.layer2.output) };
    });
    expect(list(r.layer1)).toEqual([5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 5, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    expect(Math.abs(list(r.layer2)[0]! - list(layer2)[0]!)).toBeGreaterThan(0.01);
  });

  it.each([true, false])('an early return (%s)', async (early) => {
    const r = await model.trace({ x }, () => {
      const v = counting(3);
      if (v[2] > (early ? 1 : 3)) return { early: save(v[2]) };
      const later = v * 2;
      return { late: save(later) };
    });
    expect(Object.keys(r)).toEqual([early ? 'early' : 'late']);
  });

  it('a helper that returns early', async () => {
    function clip(v: number, limit: number) {
      'use trace';
      if (v > limit) return v * 0 + limit;
      return v;
    }
    const r = await model.trace({ x }, () => save(clip(counting(9)[8], 3) + clip(counting(9)[1], 3)));
    expect(r.item()).toBe(4);
  });
});

describe('loops', () => {
  it('push, carry, break and continue', async () => {
    const r = await model.trace({ x }, () => {
      const out: number[] = [];
      let total = 0;
      for (const i of counting(6)) {
        if (i === 4) break;
        if (i === 1) continue;
        out.push(i * 10);
        total += i;
      }
      out.push(99);
      return { out: save(stack(out)), total: save(total) };
    });
    expect(list(r.out)).toEqual([0, 20, 30, 99]);
    expect(r.total.item()).toBe(5);
  });

  it('zero iterations', async () => {
    const r = await model.trace({ x }, () => {
      let total = 7;
      const seen: unknown[] = [];
      for (const i of counting(3)['3:']) {
        total += i;
        seen.push(save(i));
      }
      return { total: save(total), seen };
    });
    expect(r.total.item()).toBe(7);
    expect(r.seen).toEqual([]);
  });

  it('loops in loops and conditionals in loops', async () => {
    const r = await model.trace({ x }, () => {
      let total = 0;
      for (const i of counting(4)) {
        for (const j of counting(3)) {
          if (j > i) break;
          if (i > 1.5) total += i * j;
          else total -= 1;
        }
      }
      return save(total);
    });
    let total = 0;
    for (let i = 0; i < 4; i++) {
      for (let j = 0; j < 3; j++) {
        if (j > i) break;
        if (i > 1.5) total += i * j;
        else total -= 1;
      }
    }
    expect(r.item()).toBe(total);
  });

  it('while, do and for with traced conditions', async () => {
    const r = await model.trace({ x }, () => {
      let v = counting(2)[1] * 100;
      let n = 0;
      while (v > 10) {
        v /= 2;
        n++;
      }
      let d = counting(2)[1];
      do {
        d *= 3;
      } while (d < 20);
      let f = 0;
      for (let i = counting(2)[1]; i < 5; i++) f += i;
      return { v: save(v), n: save(n), d: save(d), f: save(f) };
    });
    expect([r.v.item(), r.n.item(), r.d.item(), r.f.item()]).toEqual([6.25, 4, 27, 10]);
  });

  it('for (;;) that a traced break ends', async () => {
    const r = await model.trace({ x }, () => {
      let v = counting(2)[1];
      for (;;) {
        v *= 2;
        if (v > 50) break;
      }
      return save(v);
    });
    expect(r.item()).toBe(64);
  });

  it('a plain loop that a traced break ends is unrolled', async () => {
    const r = await model.trace({ x }, () => {
      let v = counting(2)[1];
      let n = 0;
      for (let i = 0; i < 5; i++) {
        if (v > 5) break;
        v *= 2;
        n++;
      }
      return { v: save(v), n: save(n) };
    });
    expect([r.v.item(), r.n.item()]).toEqual([8, 3]);
  });

  it('a return out of a loop', async () => {
    const r = await model.trace({ x }, () => {
      function firstAbove(limit: number) {
        'use trace';
        for (const i of counting(8)) if (i > limit) return i;
        return -1;
      }
      return { found: save(firstAbove(3.5)), none: save(firstAbove(100)) };
    });
    expect([r.found.item(), r.none.item()]).toEqual([4, -1]);
  });

  it('saves in the body stack up', async () => {
    const r = await model.trace({ x }, () => {
      let norms: unknown;
      for (const row of model.layer1.output) norms = save(norm(row));
      return norms;
    });
    const data = list(layer1);
    const expected = [0, 1].map((row) => Math.hypot(...data.slice(row * 10, row * 10 + 10)));
    expect((r as Tensor).dims).toEqual([2]);
    expect(maxDifference(list(r as Tensor), expected)).toBeLessThan(1e-5);
  });

  it('the body writes a module in place', async () => {
    const r = await model.trace({ x }, () => {
      let at = 0;
      for (const row of model.layer1.output) {
        if (mean(row) > -100) model.layer1.output[':, 0'] = 1;
        at += 1;
      }
      return { layer1: save(model.layer1.output[':, 0']), at: save(at), layer2: save(model.layer2.output) };
    });
    expect(list(r.layer1)).toEqual([1, 1]);
    expect(r.at.item()).toBe(2);
    expect(Math.abs(list(r.layer2)[0]! - list(layer2)[0]!)).toBeGreaterThan(1e-3);
  });

  it('objects of the outer scope are carried', async () => {
    const r = await model.trace({ x }, () => {
      const acc = { sum: 0, count: 0 };
      for (const i of counting(5)) {
        acc.sum += i;
        if (i > 2) acc.count++;
      }
      return { sum: save(acc.sum), count: save(acc.count) };
    });
    expect([r.sum.item(), r.count.item()]).toEqual([10, 2]);
  });
});

describe('plain values behave as JavaScript does', () => {
  it('unrolls over modules and plain arrays', async () => {
    const r = await model.trace({ x }, () => {
      const out: unknown[] = [];
      for (const name of ['layer1', 'layer2']) {
        if (name === 'layer1') continue;
        out.push(save(model.get(name).output));
      }
      return out;
    });
    expect(r).toHaveLength(1);
    expect((r[0] as Tensor).dims).toEqual([2, 2]);
  });
});
