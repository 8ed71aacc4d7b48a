import {
  add,
  backward,
  detach,
  grad,
  matmul,
  mul,
  NNsight,
  norm,
  Parameter,
  requestFromBytes,
  requestFromJson,
  requestToBytes,
  requestToJson,
  round,
  SGD,
  save,
  square,
  sum,
  Tensor,
  type Traced,
  type TraceRequest,
  type Tracer,
} from 'onnsight';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEachWay } from '../execution/ways.ts';
import { loadToy } from '../support/toy.ts';
import { clean, corrupt, fact } from './blocks.ts';
import { type Expected, expectGradient, expectNumbers, fixture } from './pytorch.ts';

type Toy = Awaited<ReturnType<typeof loadToy>>;
let models: ReadonlyMap<string, Toy>;
const { cases: first, tokens } = fixture('toy');
const { answer, wrong } = tokens as Record<'answer' | 'wrong', number>;
/** test/tools/gradients_everywhere.py */
const recorded = fixture('everywhere');
const numbers = (tensor: Tensor) => Array.from(tensor.data as ArrayLike<number>, Number);

/** How far the answer is ahead. */
function lead(output: Traced): Traced {
  'use trace';
  const logits = output['0, -1'];
  return (logits[answer] - logits[wrong]) as Traced;
}

/** Fails unless a loss and all gradients of a case are PyTorch's. */
function expectRecorded({ loss, ...found }: Readonly<Record<string, Tensor>>, name: string): void {
  const { loss: wanted, ...gradients } = recorded[name] as { loss: number };
  if (loss) expectNumbers(loss.data, [wanted], `${name}: loss`);
  expect(Object.keys(found).sort()).toEqual(Object.keys(gradients).sort());
  for (const [key, gradient] of Object.entries<Expected>(gradients))
    expectGradient(found[key]!, gradient, `${name}: ${key}`);
}

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
    const { h, wte } = lm.transformer;
    const mapped = (x: Tensor, fn: (value: number, i: number) => number) =>
      Tensor.from(x.data.map(fn), 'float32', x.dims);
    const squared = (x: Tensor) => mapped(x, (value) => (value * value) / 10);
    const halfway = (g: Tensor, x: Tensor) => mapped(x, (value, i) => (value * g.data[i]!) / 2);
    const found = await lm.trace([clean], (tracer) => {
      const x = h[1].output;
      const y = tracer.apply(squared, x, { backward: halfway });
      h[1].output = y;
      const loss = lead(lm.lm_head.output);
      backward(loss);
      return { loss: save(loss), x: save(x.grad), y: save(y.grad), wte: save(wte.output.grad) };
    });
    expectRecorded(found, 'apply');
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
    const { h, wte } = lm.transformer;
    const found = await lm.session((session) => {
      const first = session.trace([clean], () => ({ x: h[1].output, wte: wte.output }));
      return session.trace([corrupt], () => {
        const loss = sum(first.x['0, -1'] * h[2].output['0, -1']);
        backward(loss);
        return {
          loss: save(loss),
          x: save(first.x.grad),
          first: save(first.wte.grad),
          second: save(wte.output.grad),
        };
      });
    });
    expectRecorded(found, 'session');
  });

  it('through what flows from one trace of a session into the middle of another', async () => {
    const lm = models.get(way)!;
    const { h, wte } = lm.transformer;
    const found = await lm.session((session) => {
      const first = session.trace([clean], () => ({ x: h[1].output, wte: wte.output }));
      return session.trace([corrupt], () => {
        h[1].output[':, -1'] = first.x[':, -1'] * 0.5;
        const loss = lead(lm.lm_head.output);
        backward(loss);
        return {
          loss: save(loss),
          x: save(first.x.grad),
          first: save(first.wte.grad),
          second: save(wte.output.grad),
        };
      });
    });
    expectRecorded(found, 'patched');
  });

  it('through an edit that stays, to its parameters', async () => {
    const lm = models.get(way)!;
    const waves = (...dims: [number, number]) =>
      new Parameter(
        Tensor.from(
          Float32Array.from({ length: dims[0] * dims[1] }, (_, i) => Math.cos(i) * 0.05),
          'float32',
          dims,
        ),
      );
    const [a, b] = [waves(128, 2), waves(2, 128)];
    const edited = lm.edit(() => {
      const { mlp } = lm.transformer.h[2];
      mlp.output += matmul(matmul(mlp.output, a), b);
    });
    const found = await edited.trace([clean], () => {
      const loss = lead(edited.lm_head.output);
      backward(loss);
      return { loss: save(loss), wte: save(edited.transformer.wte.output.grad) };
    });
    expectRecorded({ ...found, a: a.grad!, b: b.grad! }, 'edit');
  });

  it('into a cache, with what the loss does not depend on left out', async () => {
    const lm = models.get(way)!;
    const modules = ['transformer.h.0', 'transformer.h.3'];
    const cacheOf = (loss: () => unknown) =>
      lm.trace([clean], (tracer) => {
        backward(loss() as number);
        return tracer.cache({ gradients: true, modules });
      });
    const all = await cacheOf(() => lead(lm.lm_head.output));
    const { h0, h3 } = first.layers.grads as Record<'h0' | 'h3', Expected>;
    expectGradient(all['transformer.h.0']!.gradient!.output!, h0, 'h0');
    expectGradient(all['transformer.h.3']!.gradient!.output!, h3, 'h3');
    const early = await cacheOf(() => sum(lm.transformer.h[0].output));
    expect(new Set(numbers(early['transformer.h.0']!.gradient!.output!))).toEqual(new Set([1]));
    expect(early['transformer.h.3']!.gradient!.output).toBeUndefined();
  });

  it.each(['invokes', 'session'])(
    'into a cache of the pass that was the last one there, of several %s',
    async (kind) => {
      const lm = models.get(way)!;
      const { h, wte } = lm.transformer;
      const modules = [wte, h[0], h[3]];
      const own = (tracer: Pick<Tracer<unknown>, 'cache'>) => {
        'use trace';
        backward(lead(lm.lm_head.output));
        return tracer.cache({ gradients: true, inputs: true, modules });
      };
      const other = (tracer: Pick<Tracer<unknown>, 'cache'>) => {
        'use trace';
        backward(sum(square(lm.lm_head.output['0, -1'])));
        return tracer.cache({ gradients: true, inputs: true, modules });
      };
      const found =
        kind === 'session'
          ? await lm.session((session) => ({
              own: session.trace([clean], (tracer) => own(tracer)),
              other: session.trace([fact], (tracer) => other(tracer)),
            }))
          : await lm.trace((tracer) => ({
              own: tracer.invoke([clean], () => own(tracer)),
              other: tracer.invoke([fact], () => other(tracer)),
            }));
      for (const [name, cache, length] of [
        ['own', found.own, clean.length],
        ['other', found.other, fact.length],
      ] as const) {
        // In a batch the shorter row begins with padding.
        const gradient = (module: (typeof modules)[number]) => cache[module.path]!.gradient!.output[`:, -${length}:`];
        expectRecorded({ wte: gradient(wte), h0: gradient(h[0]), h3: gradient(h[3]) }, name);
        // Tokens have no gradient; what the first layer is given is what the embeddings give.
        expect([cache[wte.path]!.input!.dtype, cache[wte.path]!.gradient!.input]).toEqual(['int64', undefined]);
        expectSame(cache[h[0].path]!.gradient!.input!, cache[wte.path]!.gradient!.output);
      }
    },
  );

  it('into a cache that stands where a branch may have opened a pass: an error there', async () => {
    const lm = models.get(way)!;
    const run = lm.trace([clean], (tracer) => {
      if (sum(lm.lm_head.output) > 0) backward(sum(lm.lm_head.output));
      return tracer.cache({ gradients: true });
    });
    await expect(run).rejects.toThrow(/everywhere\.test\.ts:\d+:14 - 'grad' is read or set after a branch/);
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

  it('as data, to a backend of one’s own and to a server', async () => {
    const lm = models.get(way)!;
    const json = {
      run: (request: TraceRequest) => lm.execute(requestFromJson(JSON.parse(JSON.stringify(requestToJson(request))))),
    };
    const bytes = {
      run: (request: TraceRequest) => lm.execute(requestFromBytes(requestToBytes(request))),
    };
    for (const backend of [json, bytes]) {
      const found = await lm.trace(
        [clean],
        () => {
          backward(lead(lm.lm_head.output));
          return { wte: save(lm.transformer.wte.output.grad), h1: save(lm.transformer.h[1].output.grad) };
        },
        { backend },
      );
      expectGradient(found.wte, first.layers.grads.wte, 'wte');
      expectGradient(found.h1, first.layers.grads.h1, 'h1');
    }
  });

  it('from a loss over the steps of a generation to each of them', async () => {
    const lm = models.get(way)!;
    const { result } = await lm.generate([clean], { maxNewTokens: 2, stopTokens: [] }, (tracer) => {
      let loss: number | null = null;
      const outputs: Traced[] = [];
      for (const _ of tracer.iter([0, 1])) {
        outputs.push(lm.transformer.h[1].output);
        const own = lead(lm.lm_head.output);
        loss = loss === null ? own : loss * own;
      }
      const [one, other] = grad(loss!, outputs);
      return { loss: save(loss!), first: save(one!), second: save(other!) };
    });
    expectRecorded(result!, 'generation');
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

  it('and are set in steps that may not run', async () => {
    const lm = models.get(way)!;
    const { h, ln_f } = lm.transformer;
    // What is set three times as large, is that on all ways further back.
    const run = async (factor: number) => {
      const { result } = await lm.generate([clean], { maxNewTokens: 3, stopTokens: [0] }, (tracer) => {
        const found = [];
        for (const _ of tracer.iter()) {
          const early = h[1].output;
          backward(sum(square(ln_f.output['0, -1'])));
          h[2].output.grad *= factor;
          found.push(save(early.grad));
        }
        return found;
      });
      return result!;
    };
    const [once, tripled] = [await run(1), await run(3)];
    expect(once.length).toBeGreaterThan(1);
    for (const [i, gradient] of once.entries()) {
      expectSame(tripled[i]!, Tensor.from(numbers(gradient).map((one) => 3 * one)).reshape(gradient.dims));
    }
    for (const how of ['assigned', 'in place']) {
      const late = lm.generate([clean], { maxNewTokens: 3, stopTokens: [0] }, (tracer) => {
        const { output } = h[2];
        backward(sum(square(ln_f.output['0, -1'])));
        for (const step of tracer.iter()) {
          if (step === 1 && how === 'assigned') output.grad *= 2;
          if (step === 1 && how === 'in place') output.grad[':, 0'] = 0;
        }
        return save(h[1].output.grad);
      });
      await expect(late).rejects.toThrow(
        /everywhere\.test\.ts:\d+:\d+ - A gradient is set in a step .* that may not run/,
      );
    }
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

  it('to tensors from outside as values, which add to no parameter', async () => {
    const lm = models.get(way)!;
    const scale = new Parameter([2, -1, 0.5]);
    const shift = Tensor.from(new Float32Array([1, 2, 3]));
    const { x, found } = await lm.trace([clean], () => {
      const x = lm.transformer.h[1].output['0, 0, :3'];
      const loss = sum(square(add(mul(x, scale), shift)));
      const gradients = [...grad(loss, [scale, shift]), grad(loss, scale)];
      return { x: save(x), found: gradients.map((gradient) => save(gradient)) };
    });
    const twice = numbers(x).map((value, i) => 2 * (value * scale.data[i]! + shift.data[i]!));
    const byScale = numbers(x).map((value, i) => value * twice[i]!);
    for (const [i, wanted] of [byScale, twice, byScale].entries()) expectNumbers(found[i]!.data, wanted, `input ${i}`);
    expect(scale.grad).toBeNull();
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

it.each(['off', 'layers', 'modules'])('gradients go through an attached model, cut: %s', async (way) => {
  const lm = models.get(way)!;
  const layer = lm.transformer.h[2];
  layer.sae = await NNsight.load('onnsight/toy-sae');
  const found = await lm.trace([clean], () => {
    const x = layer.output;
    layer.output = layer.sae(x) + x * 0.5;
    const loss = lead(lm.lm_head.output);
    backward(loss);
    return {
      loss: save(loss),
      x: save(x.grad),
      encoded: save(layer.sae.encoder.output.grad),
      features: save(layer.sae.decoder.input.grad),
      wte: save(lm.transformer.wte.output.grad),
    };
  });
  expectRecorded(found, 'attached');
});
