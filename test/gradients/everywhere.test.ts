import {
  backward,
  detach,
  grad,
  mean,
  mul,
  norm,
  Parameter,
  requestFromJson,
  requestToJson,
  round,
  SGD,
  save,
  square,
  sum,
  Tensor,
} from 'onnsight';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEachWay } from '../execution/ways.ts';
import { loadSmall } from '../parity/support.ts';
import { loadToy } from '../support/toy.ts';
import { clean } from './blocks.ts';

type Toy = Awaited<ReturnType<typeof loadToy>>;
let models: ReadonlyMap<string, Toy>;
const numbers = (tensor: Tensor) => Array.from(tensor.data as ArrayLike<number>, Number);

/** The rows of a tensor [1, rows, width], added up. */
function sumOfRows({ dims, data }: Tensor): Tensor {
  const width = dims[2]!;
  const total = new Float32Array(width);
  data.forEach((value, i) => {
    total[i % width]! += value;
  });
  return Tensor.from(total);
}

/** Fails unless two tensors are the same to 1e-4 of the largest element. */
function expectSame(actual: Tensor, wanted: Tensor): void {
  expect(actual.dims).toEqual(wanted.dims);
  const scale = Math.max(1e-6, ...numbers(wanted).map(Math.abs));
  numbers(wanted).forEach((value, i) => {
    expect(Math.abs(value - numbers(actual)[i]!)).toBeLessThanOrEqual(1e-4 * scale);
  });
}

beforeAll(async () => {
  models = await loadEachWay(loadToy);
});

describe.each(['off', 'layers', 'modules'])('gradients go everywhere, cut: %s', (way) => {
  it('through a function of the user by the derivative that it comes with', async () => {
    const lm = models.get(way)!;
    const triple = (x: Tensor) =>
      Tensor.from(
        x.data.map((value) => 3 * value),
        'float32',
        x.dims,
      );
    const own = await lm.trace([clean], (tracer) => {
      const { output } = lm.transformer.h[1];
      lm.transformer.h[1].output = tracer.apply(triple, output, { backward: triple });
      backward(sum(square(lm.transformer.ln_f.output)));
      return { x: save(output.grad), wte: save(lm.transformer.wte.output.grad) };
    });
    const plain = await lm.trace([clean], () => {
      const { output } = lm.transformer.h[1];
      lm.transformer.h[1].output = output * 3;
      backward(sum(square(lm.transformer.ln_f.output)));
      return { x: save(output.grad), wte: save(lm.transformer.wte.output.grad) };
    });
    expectSame(own.x, plain.x);
    expectSame(own.wte, plain.wte);
  });

  it('to a parameter that the block uses itself, behind a function too', async () => {
    const lm = models.get(way)!;
    const { h, ln_f } = lm.transformer;
    const same = (x: Tensor) => x;
    const run = (isBehind: boolean) =>
      lm.trace([clean], (tracer) => {
        const { bias } = h[3].ln_1;
        const x = h[1].output;
        h[1].output = isBehind ? tracer.apply(same, x, { backward: same }) : x;
        const { output } = ln_f;
        backward(sum(square(output) * output) + sum(output['0, -1'] * bias));
        return { bias: save(bias.grad), last: save(output['0, -1']) };
      });
    const behind = await run(true);
    const plain = await run(false);
    expectSame(behind.bias, plain.bias);
    // Without the part of the block it is another one.
    const ofModel = await lm.trace([clean], () => {
      backward(sum(square(ln_f.output) * ln_f.output));
      return save(h[3].ln_1.bias.grad);
    });
    const parts = numbers(plain.bias).map((value, i) => value - numbers(ofModel)[i]!);
    expect(parts.some((part) => Math.abs(part) > 0.1)).toBe(true);
  });

  it('not through a function without one', async () => {
    const lm = models.get(way)!;
    const run = lm.trace([clean], (tracer) => {
      const { output } = lm.transformer.h[1];
      lm.transformer.h[1].output = tracer.apply((x: Tensor) => x, output);
      backward(sum(lm.transformer.ln_f.output));
      return save(lm.transformer.wte.output.grad);
    });
    await expect(run).rejects.toThrow(/Give its derivative/);
  });

  it('not through one whose derivative gives more than was given to it', async () => {
    const lm = models.get(way)!;
    const run = lm.trace([clean], (tracer) => {
      const { output } = lm.transformer.h[1];
      const same = (x: Tensor) => x;
      lm.transformer.h[1].output = tracer.apply(same, output, { backward: (g: Tensor) => [g, g] });
      backward(sum(lm.transformer.ln_f.output));
      return save(output.grad);
    });
    await expect(run).rejects.toThrow(/returned 2 gradients for 1 tensors/);
  });

  it('and are set where a traced condition holds', async () => {
    const lm = models.get(way)!;
    const run = (bound: number) =>
      lm.trace([clean], () => {
        backward(sum(square(lm.transformer.ln_f.output)));
        if (norm(lm.transformer.h[0].output) > bound) lm.transformer.h[2].output.grad *= 3;
        else lm.transformer.h[2].output.grad[':, 0'] = 0;
        return save(lm.transformer.h[1].output.grad);
      });
    const plainly = (change: (lm: Toy) => void) =>
      lm.trace([clean], () => {
        backward(sum(square(lm.transformer.ln_f.output)));
        change(lm);
        return save(lm.transformer.h[1].output.grad);
      });
    const tripled = await plainly((lm) => {
      'use trace';
      lm.transformer.h[2].output.grad *= 3;
    });
    const zeroed = await plainly((lm) => {
      'use trace';
      lm.transformer.h[2].output.grad[':, 0'] = 0;
    });
    expect(numbers(tripled)).not.toEqual(numbers(zeroed));
    expectSame(await run(0), tripled);
    expectSame(await run(1e9), zeroed);
  });

  it('through several traces of a session', async () => {
    const lm = models.get(way)!;
    const both = await lm.session((session) => {
      const first = session.trace([clean], () => lm.transformer.h[1].output);
      return session.trace([clean], () => {
        const second = lm.transformer.h[1].output;
        const loss = sum(first * second);
        backward(loss);
        return { first: save(first.grad), second: save(second.grad), value: save(second) };
      });
    });
    expectSame(both.first, both.value);
    expectSame(both.second, both.value);
  });

  it('into a cache, with what the loss does not depend on left out', async () => {
    const lm = models.get(way)!;
    const { cache, wanted } = await lm.trace([clean], (tracer) => {
      backward(sum(square(lm.transformer.h[1].output)));
      const cache = tracer.cache({ gradients: true, modules: ['transformer.h.0', 'transformer.h.3'] });
      return { cache, wanted: save(lm.transformer.h[0].output.grad) };
    });
    expectSame(cache['transformer.h.0']!.gradient!.output, wanted);
    expect(cache['transformer.h.3']!.gradient!.output).toBeUndefined();
  });

  it('and stop at what is detached', async () => {
    const lm = models.get(way)!;
    const { g, value } = await lm.trace([clean], () => {
      const x = lm.transformer.h[1].output;
      const loss = sum(x * detach(x));
      return { g: save(grad(loss, x)), value: save(x) };
    });
    expectSame(g, value);
  });

  it('and do not pass what is detached or rounded, whose own gradients are there', async () => {
    const lm = models.get(way)!;
    const found = await lm.trace([clean], () => {
      const x = lm.transformer.h[1].output;
      const half = mul(x, 0.5);
      const error = detach(x - half);
      const steps = round(x);
      const loss = sum((half + error) * 2 + steps * 3);
      backward(loss);
      return { x: save(x.grad), half: save(half.grad), error: save(error.grad), steps: save(steps.grad) };
    });
    for (const [name, slope] of Object.entries({ x: 1, half: 2, error: 2, steps: 3 })) {
      expect([name, new Set(numbers(found[name as 'x']))]).toEqual([name, new Set([slope])]);
    }
  });

  it('as data, to another process', async () => {
    const lm = models.get(way)!;
    const wanted = await lm.trace([clean], () => {
      backward(mean(square(lm.transformer.ln_f.output)));
      return save(lm.transformer.wte.output.grad);
    });
    const backend = {
      async run(request: Parameters<typeof requestToJson>[0]) {
        const received = requestFromJson(JSON.parse(JSON.stringify(requestToJson(request))));
        return lm.execute(received);
      },
    };
    const given = await lm.trace(
      [clean],
      () => {
        backward(mean(square(lm.transformer.ln_f.output)));
        return save(lm.transformer.wte.output.grad);
      },
      { backend },
    );
    expectSame(given, wanted);
  });

  it('in the steps of a generation', async () => {
    const lm = models.get(way)!;
    const { result } = await lm.generate([clean], { maxNewTokens: 2 }, (tracer) => {
      const found: Tensor[] = [];
      for (const _ of tracer.iter([0, 1])) {
        backward(sum(square(lm.transformer.ln_f.output)));
        found.push(save(lm.transformer.h[1].output.grad));
      }
      return found;
    });
    const first = await lm.trace([clean], () => {
      backward(sum(square(lm.transformer.ln_f.output)));
      return save(lm.transformer.h[1].output.grad);
    });
    expect(result!.length).toBe(2);
    expectSame(result![0]!, first);
  });

  it('from a later step of a generation to an earlier one, through its key-value cache', async () => {
    const lm = models.get(way)!;
    const { h, ln_f } = lm.transformer;
    /** Two steps, a vector being added in the first one: the loss of the second. */
    const run = async (vector: Parameter, isBackward: boolean) => {
      const { result } = await lm.generate([clean], { maxNewTokens: 2 }, (tracer) => {
        let found: Record<'loss' | 'first', Tensor> | null = null;
        let first = h[1].output;
        for (const step of tracer.iter([0, 1])) {
          if (step === 0) {
            h[1].output += vector;
            first = h[1].output;
          } else {
            const loss = sum(square(ln_f.output) * ln_f.output);
            if (isBackward) backward(loss);
            found = { loss: save(loss), first: save(isBackward ? first.grad : loss) };
          }
        }
        return found;
      });
      return result!;
    };
    const vector = new Parameter(new Float32Array(128));
    const { first } = await run(vector, true);
    expectSame(Tensor.from(numbers(sumOfRows(first))), vector.grad!);
    // A central difference along the gradient: the loss grows by its norm.
    const norm = Math.hypot(...numbers(vector.grad!));
    const along = async (step: number) => {
      const moved = new Parameter(Float32Array.from(vector.grad!.data, (value) => (step * value) / norm));
      return (await run(moved, false)).loss.item();
    };
    const slope = ((await along(0.01)) - (await along(-0.01))) / 0.02;
    expect(Math.abs(slope - norm)).toBeLessThan(2e-3 * norm);
  });

  it('not to a loss that is there only if a step runs', async () => {
    const lm = models.get(way)!;
    const run = (options: object) =>
      lm.generate([clean], { maxNewTokens: 2, ...options }, (tracer) => {
        const x = lm.transformer.h[1].output;
        let total = sum(x) * 0;
        for (const _ of tracer.iter([0, 1])) total = total + sum(square(lm.transformer.ln_f.output));
        backward(total);
        return save(x.grad);
      });
    await expect(run({ stopTokens: [0] })).rejects.toThrow(
      /everywhere\.test\.ts:\d+:\d+ - The loss depends on whether a step of the generation runs/,
    );
    const { result } = await run({ stopTokens: [] });
    expect(numbers(result!).some((value) => value !== 0)).toBe(true);
  });

  it('to parameters, whose gradients add up from trace to trace', async () => {
    const lm = models.get(way)!;
    const scale = new Parameter([2, 2, 2]);
    const once = async () => {
      const { x } = await lm.trace([clean], () => {
        const x = lm.transformer.h[1].output['0, 0, :3'];
        backward(sum(x.mul(scale)));
        return { x: save(x) };
      });
      return x;
    };
    const x = await once();
    expectSame(scale.grad!, x);
    await once();
    expectSame(scale.grad!, Tensor.from(numbers(x).map((value) => 2 * value)));
    // What the block sets is what adds up.
    scale.zeroGrad();
    await lm.trace([clean], () => {
      backward(sum(lm.transformer.h[1].output['0, 0, :3'].mul(scale)));
      scale.grad = mul(scale.grad!, 10);
      return save(lm.transformer.h[1].output);
    });
    expectSame(scale.grad!, Tensor.from(numbers(x).map((value) => 10 * value)));
    scale.grad = Tensor.from(numbers(x).map((value) => 2 * value));
    const sgd = new SGD([scale], { lr: 0.5 });
    sgd.step();
    expectSame(Tensor.from(scale), Tensor.from(numbers(x).map((value) => 2 - value)));
    sgd.zeroGrad();
    expect(scale.grad).toBeNull();
  });
});

/** A sparse autoencoder behind the first block: its features, and what depends on them. */
it.each(['off', 'layers', 'modules'])('gradients go through an attached model, cut: %s', async (way) => {
  const lm = models.get(way)!;
  const sae = await loadSmall('zoo/sae.ts');
  lm.transformer.h[0].sae = sae;
  const own = await lm.trace([clean], () => {
    const x = lm.transformer.h[0].output;
    const decoded = lm.transformer.h[0].sae(x);
    lm.transformer.h[0].output = decoded + x * 0.5;
    const loss = sum(square(lm.transformer.ln_f.output) * lm.transformer.ln_f.output);
    backward(loss);
    return {
      loss: save(loss),
      x: save(x),
      gradient: save(x.grad),
      wte: save(lm.transformer.wte.output.grad),
      features: save(lm.transformer.h[0].sae.encoder.output.grad),
    };
  });
  // A central difference along the gradient itself: the loss grows by its norm.
  const norm = Math.hypot(...numbers(own.gradient));
  const along = async (step: number) => {
    const moved = Tensor.from(
      numbers(own.x).map((value, i) => value + (step * numbers(own.gradient)[i]!) / norm),
      'float32',
      own.x.dims,
    );
    const { loss } = await lm.trace([clean], () => {
      lm.transformer.h[0].output = moved;
      const x = lm.transformer.h[0].output;
      lm.transformer.h[0].output = lm.transformer.h[0].sae(x) + x * 0.5;
      return { loss: save(sum(square(lm.transformer.ln_f.output) * lm.transformer.ln_f.output)) };
    });
    return loss.item();
  };
  const slope = ((await along(0.02)) - (await along(-0.02))) / 0.04;
  expect(Math.abs(slope - norm)).toBeLessThan(0.02 * norm);
  expect(numbers(own.features).some((value) => value !== 0)).toBe(true);
  expect(numbers(own.wte).some((value) => value !== 0)).toBe(true);
});
