import {
  add,
  backward,
  detach,
  grad,
  norm,
  Parameter,
  reshape,
  save,
  square,
  sum,
  Tensor,
  type Traced,
  tanh,
} from 'onnsight';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEachWay } from '../execution/ways.ts';
import { loadToy } from '../support/toy.ts';
import { clean, corrupt } from './blocks.ts';
import { type Expected, expectGradient, expectNumbers, fixture } from './pytorch.ts';

type Toy = Awaited<ReturnType<typeof loadToy>>;

const { answer, wrong } = fixture('toy').tokens as Record<'answer' | 'wrong', number>;
const cases: Readonly<Record<string, Readonly<Record<string, Expected | number>>>> = fixture('second-order');
const directions = Tensor.from(Float32Array.from({ length: clean.length * 128 }, (_, i) => Math.cos(i)));
let models: Awaited<ReturnType<typeof loadEachWay<Toy>>>;

beforeAll(async () => {
  models = await loadEachWay(loadToy);
});

/** The blocks of test/tools/second_order_gradients.py. */
const blocks: Readonly<Record<string, (lm: Toy) => Promise<Record<string, Tensor>>>> = {
  penalty: (lm) =>
    lm.trace([clean], () => {
      const { h, ln_f, wte } = lm.transformer;
      const logits = lm.lm_head.output['0, -1'];
      const lead = logits[answer] - logits[wrong];
      backward(lead);
      const loss = lead + sum(square(h[1].output.grad)) * 0.1;
      backward(loss);
      return {
        loss: save(loss),
        h0: save(h[0].output.grad),
        h1: save(h[1].output.grad),
        wte: save(wte.output.grad),
        'transformer.h.1.mlp.c_fc.weight': save(h[1].mlp.c_fc.weight.grad),
        'transformer.h.2.ln_1.bias': save(h[2].ln_1.bias.grad),
        'transformer.ln_f.weight': save(ln_f.weight.grad),
        'transformer.wte.weight': save(wte.weight.grad),
      };
    }),
  third: (lm) =>
    lm.trace([clean], () => {
      const x = lm.transformer.h[2].output;
      const along = (gradient: Traced) => sum(gradient * reshape(directions, [1, -1, 128]));
      const logits = lm.lm_head.output['0, -1'];
      const first = grad(logits[answer] - logits[wrong], x);
      return { h: save(grad(along(grad(along(first), x)), x)) };
    }),
  async meta(lm) {
    const v = new Parameter(Float32Array.from({ length: 128 }, (_, i) => 0.1 * Math.cos(0.3 * i)));
    const { loss } = await lm.session((session) => {
      const { h } = lm.transformer;
      const moved = session.trace([clean], () => {
        const start = add(v, 0);
        h[1].output += start;
        const logits = lm.lm_head.output['0, -1'];
        return start - grad(logits[answer] - logits[wrong], start) * 0.5;
      });
      return session.trace([corrupt], () => {
        h[1].output += moved;
        const logits = lm.lm_head.output['0, -1'];
        const loss = logits[answer] - logits[wrong];
        backward(loss);
        return { loss: save(loss) };
      });
    });
    return { loss, v: v.grad! };
  },
  branch: (lm) =>
    lm.trace([clean], () => {
      const { h, wte } = lm.transformer;
      const x = h[1].output;
      if (norm(x) > 0) h[1].output = x * tanh(x);
      else h[1].output = x * 0.5;
      const logits = lm.lm_head.output['0, -1'];
      const gradient = grad(logits[answer] - logits[wrong], x);
      backward(sum(gradient * reshape(directions, [1, -1, 128])));
      return { x: save(x.grad), wte: save(wte.output.grad) };
    }),
  loop: (lm) =>
    lm.trace([clean], () => {
      const { h, wte } = lm.transformer;
      const x = h[1].output;
      let y = x;
      let times = norm(x) * 0;
      while (times < 3) {
        y = y * 0.5 + tanh(y);
        times += 1;
      }
      h[1].output = y;
      const logits = lm.lm_head.output['0, -1'];
      const gradient = grad(logits[answer] - logits[wrong], x);
      backward(sum(gradient * reshape(directions, [1, -1, 128])));
      return { x: save(x.grad), wte: save(wte.output.grad) };
    }),
  set: (lm) =>
    lm.trace([clean], () => {
      const { h } = lm.transformer;
      const logits = lm.lm_head.output['0, -1'];
      backward(logits[answer] - logits[wrong]);
      h[2].output.grad *= h[2].output;
      const gradient = h[1].output.grad;
      return { h1: save(grad(sum(gradient * reshape(directions, [1, -1, 128])), h[1].output)) };
    }),
  async step(lm) {
    const { result } = await lm.generate([clean], { maxNewTokens: 2, stopTokens: [] }, (tracer) => {
      const found: Tensor[] = [];
      let first = lm.transformer.h[1].output;
      for (const step of tracer.iter([0, 1])) {
        if (step === 0) first = lm.transformer.h[1].output;
        else {
          const logits = lm.lm_head.output['0, -1'];
          const gradient = grad(logits[answer] - logits[wrong], first);
          found.push(save(grad(sum(gradient * reshape(directions, [1, -1, 128])), first)));
        }
      }
      return found;
    });
    return { h1: result![0]! };
  },
};

/** `hessian_vector` of toy-gpt2.test.ts is whole and cut at modules, too. */
describe('gradients of gradients are those of PyTorch', () => {
  it.each([
    ...Object.keys(blocks).map((name) => [name, 'layers'] as const),
    ['loop', 'off'] as const,
    ['set', 'modules'] as const,
  ])('%s, cut: %s', async (name, way) => {
    for (const [key, actual] of Object.entries(await blocks[name]!(models.get(way)!))) {
      const expected = cases[name]![key];
      expect(expected, `the reference has no ${key}`).toBeDefined();
      if (typeof expected === 'number') expectNumbers(actual.data as ArrayLike<number>, [expected], key);
      else expectGradient(actual, expected!, key);
    }
  });
});

it('a gradient that is detached is a constant', async () => {
  const lm = models.get('layers')!;
  const found = await lm.trace([clean], () => {
    const x = lm.transformer.h[1].output;
    const gradient = grad(sum(square(x) * x), x);
    return { x: save(x), g: save(gradient), by: save(grad(sum(detach(gradient) * x), x)) };
  });
  expect(found.by.data).toEqual(found.g.data);
});
