import {
  backward,
  detach,
  grad,
  mul,
  norm,
  Parameter,
  requestFromJson,
  requestToJson,
  save,
  square,
  sum,
  type Tensor,
  type Traced,
  type TraceRequest,
  tanh,
  zerosLike,
} from 'onnsight';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEachWay } from '../execution/ways.ts';
import { loadToy } from '../support/toy.ts';
import { clean } from './blocks.ts';
import { type Expected, expectGradient, fixture } from './pytorch.ts';

type Toy = Awaited<ReturnType<typeof loadToy>>;

const { cases, tokens } = fixture('toy');
const { answer, wrong } = tokens as Record<'answer' | 'wrong', number>;
const wanted = cases.layers.grads as Record<'h0' | 'h1' | 'wte', Expected>;
let models: ReadonlyMap<string, Toy>;
const numbers = (tensor: Tensor) => Array.from(tensor.data as ArrayLike<number>, Number);

beforeAll(async () => {
  models = await loadEachWay(loadToy);
});

function expectNear(actual: Tensor, expected: readonly number[]): void {
  const scale = Math.max(1e-6, ...expected.map(Math.abs));
  expect(actual.data.length).toBe(expected.length);
  numbers(actual).forEach((value, i) => {
    expect(Math.abs(value - expected[i]!)).toBeLessThanOrEqual(1e-4 * scale);
  });
}

describe.each(['off', 'layers', 'modules'])('a backward pass in a branch or loop, cut: %s', (way) => {
  it('goes through the model, where the branch runs', async () => {
    const lm = models.get(way)!;
    const { h, wte } = lm.transformer;
    const run = (bound: number) =>
      lm.trace([clean], () => {
        const logits = lm.lm_head.output['0, -1'];
        const lead = logits[answer] - logits[wrong];
        let first: number = zerosLike(wte.output);
        let last: number = zerosLike(h[1].output);
        if (norm(h[1].output) > bound) {
          backward(lead);
          first = wte.output.grad;
          last = h[1].output.grad;
        }
        return { first: save(first), last: save(last) };
      });
    const ran = await run(0);
    expectGradient(ran.first, wanted.wte, 'wte');
    expectGradient(ran.last, wanted.h1, 'h1');
    expect(new Set(numbers((await run(1e9)).first))).toEqual(new Set([0]));
  });

  it('is gradient descent in the graph', async () => {
    const lm = models.get(way)!;
    const { start, x, steps } = await lm.trace([clean], () => {
      const start = lm.transformer.h[1].output['0, 0, :4'];
      let x = start;
      let steps = 0;
      while (sum(square(x - 3)) > 1e-3) {
        const slope = grad(sum(square(x - 3)), x);
        x = x - slope * 0.2;
        steps++;
      }
      return { start: save(start), x: save(x), steps: save(steps) };
    });
    let own = numbers(start);
    let count = 0;
    while (own.reduce((total, value) => total + (value - 3) ** 2, 0) > 1e-3) {
      own = own.map((value) => value - 0.2 * 2 * (value - 3));
      count++;
    }
    expect(steps.item()).toBe(count);
    expect(count).toBeGreaterThan(2);
    expectNear(x, own);
  });

  it('adds up for parameters what each iteration makes, or the branch that ran', async () => {
    const lm = models.get(way)!;
    const scale = new Parameter([2, -1, 0.5]);
    const rows = await lm.trace([clean], () => {
      const rows = lm.transformer.h[1].output[0][':, :3'];
      for (const row of rows as Iterable<Traced>) {
        if (sum(row) > 0) backward(sum(square(mul(row, scale))));
      }
      return save(rows);
    });
    const expected = [0, 0, 0];
    let taken = 0;
    for (let i = 0; i < rows.dims[0]!; i++) {
      const row = numbers(rows).slice(3 * i, 3 * i + 3);
      if (row.reduce((a, b) => a + b) <= 0) continue;
      taken++;
      row.forEach((value, k) => {
        expected[k]! += 2 * value ** 2 * scale.data[k]!;
      });
    }
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(rows.dims[0]!);
    expectNear(scale.grad!, expected);
  });

  it('whose gradients by parameters are read there', async () => {
    const lm = models.get(way)!;
    const scale = new Parameter([2, -1, 0.5]);
    const { rows, total } = await lm.trace([clean], () => {
      const rows = lm.transformer.h[1].output[0][':, :3'];
      let total: number = zerosLike(rows['0']);
      for (const row of rows as Iterable<Traced>) {
        backward(sum(square(mul(row, scale))));
        total = total + scale.grad!.mul(2);
      }
      return { rows: save(rows), total: save(total) };
    });
    const expected = [0, 0, 0];
    numbers(rows).forEach((value, i) => {
      expected[i % 3]! += 2 * value ** 2 * scale.data[i % 3]!;
    });
    expectNear(scale.grad!, expected);
    expectNear(
      total,
      expected.map((value) => 2 * value),
    );
  });

  it('in a step of a generation', async () => {
    const lm = models.get(way)!;
    const { result } = await lm.generate([clean], { maxNewTokens: 2, stopTokens: [] }, (tracer) => {
      const found: Tensor[] = [];
      for (const _ of tracer.iter([0, 1])) {
        const logits = lm.lm_head.output['0, -1'];
        let gradient: number = zerosLike(lm.transformer.h[1].output);
        if (norm(logits) > 0) {
          backward(logits[answer] - logits[wrong]);
          gradient = lm.transformer.h[1].output.grad;
        }
        found.push(save(gradient));
      }
      return found;
    });
    expectGradient(result![0]!, wanted.h1, 'h1');
    expect(result![1]!.dims).toEqual([1, 1, 128]);
  });

  it('and one behind it goes through what it made', async () => {
    const lm = models.get(way)!;
    const found = await lm.trace([clean], () => {
      const x = lm.transformer.h[1].output['0, 0, :4'];
      let y = x;
      if (norm(x) > 0) {
        const slope = grad(sum(x * square(x)), x);
        y = slope * x;
      }
      backward(sum(y));
      return { x: save(x), slope: save(x.grad) };
    });
    // y = 3x³
    expectNear(
      found.slope,
      numbers(found.x).map((value) => 9 * value ** 2),
    );
  });
});

describe('a branch or loop around whole traces', () => {
  const session = (bound: number, times: number) => {
    const lm = models.get('layers')!;
    const { h } = lm.transformer;
    return lm.session((session) => {
      const first = session.trace([clean], () => h[1].output['0, 0, :4']);
      let x = first;
      let count = 0;
      while (count < sum(first) * 0 + times) {
        const before = x;
        x = session.trace([clean], () => tanh(before + h[1].output['0, 0, :4'] * 0.1) * 0.9);
        count++;
      }
      if (norm(x) > bound) {
        const inner = x;
        x = session.trace([clean], () => square(inner) + h[1].output['0, 0, :4'] * 0);
      }
      const last = x;
      return session.trace([clean], () => {
        const y = h[1].output['0, 0, :4'];
        backward(sum(last) + sum(y) * 0);
        return { first: save(first), value: save(last), slope: save(first.grad) };
      });
    });
  };

  it.each([
    [1e9, 1],
    [0, 2],
    [0, 3],
  ])('is gone through: bound %s, %s times', async (bound, times) => {
    const { first, value, slope } = await session(bound, times);
    const of = (start: number, own: number) => {
      let [x, by] = [start, 1];
      for (let i = 0; i < times; i++) {
        const t = Math.tanh(x + 0.1 * own);
        [x, by] = [0.9 * t, 0.9 * (1 - t * t) * by];
      }
      return bound === 0 ? [x * x, 2 * x * by] : [x, by];
    };
    const expected = numbers(first).map((start) => of(start, start));
    expectNear(
      value,
      expected.map(([x]) => x!),
    );
    expectNear(
      slope,
      expected.map(([, by]) => by!),
    );
  });

  it('may have a backward pass in it', async () => {
    const lm = models.get('layers')!;
    const { h, wte } = lm.transformer;
    const found = await lm.session((session) => {
      const first = session.trace([clean], () => ({ wte: wte.output, norm: norm(h[1].output) }));
      let gradient: number = zerosLike(first.wte);
      if (first.norm > 0) {
        gradient = session.trace([clean], () => {
          const logits = lm.lm_head.output['0, -1'];
          backward(logits[answer] - logits[wrong]);
          return wte.output.grad;
        });
      }
      return save(gradient);
    });
    expectGradient(found, wanted.wte, 'wte');
  });

  it.each(['set_zero', 'set_scaled'] as const)('may set gradients in it: %s, and as data', async (how) => {
    const lm = models.get('layers')!;
    const { h, wte } = lm.transformer;
    const json = {
      run: (request: TraceRequest) => lm.execute(requestFromJson(JSON.parse(JSON.stringify(requestToJson(request))))),
    };
    for (const options of [{}, { backend: json }]) {
      const { branch, loop } = await lm.session((session) => {
        const first = session.trace([clean], () => ({ wte: wte.output, norm: norm(h[1].output) }));
        let branch: number = zerosLike(first.wte);
        if (first.norm > 0) {
          branch = session.trace([clean], () => {
            const logits = lm.lm_head.output['0, -1'];
            backward(logits[answer] - logits[wrong]);
            if (how === 'set_zero') h[2].output.grad[':, :-1'] = 0;
            else h[1].mlp.output.grad *= 2;
            return wte.output.grad;
          });
        }
        let loop: number = zerosLike(first.wte);
        let count = 0;
        while (count < first.norm * 0 + 2) {
          loop = session.trace([clean], () => {
            const logits = lm.lm_head.output['0, -1'];
            backward(logits[answer] - logits[wrong]);
            if (how === 'set_zero') h[2].output.grad[':, :-1'] = 0;
            else h[1].mlp.output.grad *= 2;
            return wte.output.grad;
          });
          count++;
        }
        return { branch: save(branch), loop: save(loop) };
      }, options);
      const expected = cases[how]!.grads.wte as Expected;
      expectGradient(branch, expected, 'branch');
      expectGradient(loop, expected, 'loop');
    }
  });

  it('may set the gradient by a parameter in it, which is what is added up', async () => {
    const lm = models.get('layers')!;
    const { h } = lm.transformer;
    const json = {
      run: (request: TraceRequest) => lm.execute(requestFromJson(JSON.parse(JSON.stringify(requestToJson(request))))),
    };
    for (const options of [{}, { backend: json }]) {
      const [branch, loop, inner] = [new Parameter([2, 3]), new Parameter([2, 3]), new Parameter([2, 3])];
      const total = await lm.session((session) => {
        const first = session.trace([clean], () => sum(square(h[1].output)));
        if (first > 0) {
          session.trace([clean], () => {
            backward(sum(square(branch * h[1].output['0, 0, :2'])));
            branch.grad = [5, 7];
            backward(sum(branch * 2));
            (branch.grad as unknown as number) *= 3;
          });
        }
        let count = 0;
        while (count < first * 0 + 3) {
          session.trace([clean], () => {
            backward(sum(loop * 4));
            (loop.grad as unknown as Record<string, number>)['0'] = 1;
            backward(sum(inner * 4));
            if (norm(h[1].output) > 0) (inner.grad as unknown as Record<string, number>)['1'] = 9;
          });
          count++;
        }
        return save(first);
      }, options);
      expect(total.item()).toBeGreaterThan(0);
      expectNear(branch.grad!, [5 + 6, 7 + 6]);
      expectNear(loop.grad!, [3, 12]);
      expectNear(inner.grad!, [12, 27]);
    }
  });
});

it('what is detached ends the way back through earlier iterations', async () => {
  const lm = models.get('layers')!;
  const { x, slope } = await lm.trace([clean], () => {
    const x = lm.transformer.h[1].output['0, 0, :4'];
    let y = x;
    let slope = x * 0;
    for (const _ of lm.transformer.h[1].output[0][':2'] as Iterable<Traced>) {
      y = detach(y) * x;
      slope = grad(sum(y), x);
    }
    return { x: save(x), slope: save(slope) };
  });
  expectNear(
    slope,
    numbers(x).map((value) => value ** 2),
  );
});
