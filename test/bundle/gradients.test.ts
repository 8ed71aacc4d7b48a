import {
  backward,
  grad,
  intervention,
  type LanguageModel,
  mul,
  norm,
  save,
  sum,
  Tensor,
  tanh,
  zerosLike,
} from 'onnsight';
import { loadBundle } from 'onnsight/bundle';
import { beforeAll, describe, expect, it } from 'vitest';
import { readsOf } from '../../runtime/onnx/captures.ts';
import { decodeModel } from '../../runtime/onnx/proto.ts';
import { expectGradient, fixture } from '../gradients/pytorch.ts';
import { loadToy, maxDifference } from '../support/toy.ts';
import { build, compileTo, runLive, tensorsIn } from './support/build.ts';

let lm: Awaited<ReturnType<typeof loadToy>>;

beforeAll(async () => {
  lm = await loadToy();
});

const saliency = intervention({ token: 'int64' }, (model: LanguageModel, { token }) => {
  const { output } = model.transformer.wte;
  const logits = model.lm_head.output['0, -1'];
  backward(logits[token]);
  return { scores: save(sum(output * output.grad, -1)), hidden: save(model.transformer.h[2].output.grad) };
});

const { ids, tokens, cases: recorded } = fixture('toy');
const { answer, wrong } = tokens as Record<'answer' | 'wrong', number>;

const lead = intervention({ answer: 'int64', wrong: 'int64' }, (model: LanguageModel, { answer, wrong }) => {
  const { h, wte } = model.transformer;
  const logits = model.lm_head.output['0, -1'];
  backward(logits[answer] - logits[wrong]);
  return { wte: save(wte.output.grad), h1: save(h[1].output.grad), h3: save(h[3].output.grad) };
});

const outside = Tensor.from(Float32Array.from({ length: 128 }, (_, i) => i / 128));

const stopped = intervention({ factor: 'float32' }, (model: LanguageModel, { factor }) => {
  const { h, wte } = model.transformer;
  const logits = model.lm_head.output['0, -1'];
  backward(logits[3]);
  h[2].mlp.output.grad *= factor;
  h[1].attn.output.grad = zerosLike(h[1].attn.output);
  const ofOutside = grad(sum(mul(h[0].output, outside)), outside);
  return { wte: save(wte.output.grad), later: save(h[2].output.grad), ofOutside: save(ofOutside) };
});

const branches = intervention({ bound: 'float32' }, (model: LanguageModel, { bound }) => {
  const { h, wte } = model.transformer;
  let x = h[1].output;
  while (norm(x) > bound) x = x * 0.7 + tanh(x) * 0.01;
  h[1].output = x;
  const loss = sum(model.transformer.ln_f.output['0, -1'] * x['0, 0']);
  const [first, weight] = grad(loss, [wte.output, h[2].mlp.c_fc.weight]);
  return { first: save(first!), weight: save(weight!) };
});

const curvature = intervention({ token: 'int64' }, (model: LanguageModel, { token }) => {
  const { h, wte } = model.transformer;
  const x = h[1].output;
  const [slope] = grad(model.lm_head.output['0, -1'][token], [x]);
  const loss = sum(slope! * tanh(x));
  return { x: save(grad(loss, x)), wte: save(grad(loss, wte.output)) };
});

const cases: readonly [string, unknown, readonly object[]][] = [
  ['a gradient', saliency, [{ token: 5 }, { token: 88 }]],
  ['gradients that are set, and one by a tensor from outside', stopped, [{ factor: 2 }, { factor: 0 }]],
  ['the gradient of a gradient', curvature, [{ token: 5 }]],
  ['through a loop, and by a weight', branches, [{ bound: 20 }, { bound: 1000 }]],
];

describe('a backward pass in a bundle does as it does live, for any batch and length', () => {
  it.each(cases)('%s', async (_, intervention, parameters) => {
    const bundle = await loadBundle(await compileTo(intervention));
    for (const input_ids of [[[0, 134, 41]], [[0, 141, 88, 145, 72, 188]]]) {
      for (const given of parameters) {
        const inputs = { input_ids, ...given };
        const live = tensorsIn(await runLive(intervention, lm, inputs));
        const bundled = tensorsIn(await bundle(inputs));
        expect(Object.keys(bundled)).toEqual(Object.keys(live));
        for (const [name, { dims, data }] of Object.entries(bundled)) {
          const wanted = Array.from(live[name]!.data, Number);
          const scale = Math.max(1e-6, ...wanted.map(Math.abs));
          expect(dims, name).toEqual(live[name]!.dims);
          expect(maxDifference(Array.from(data, Number), wanted), name).toBeLessThan(1e-4 * scale);
        }
      }
    }
    await bundle.release();
  });
});

it.each(cases)('a bundle holds no tensor that nothing in it reads: %s', async (_, intervention) => {
  const { graph } = decodeModel((await build(intervention)).model);
  const read = new Set(graph!.node.flatMap(readsOf));
  expect(graph!.initializer.filter(({ name }) => !read.has(name)).map(({ name }) => name)).toEqual([]);
});

it('the gradients that a bundle gives are those of PyTorch', async () => {
  const bundle = await loadBundle(await compileTo(lead));
  const found = tensorsIn(await bundle({ input_ids: [ids.clean], answer, wrong }));
  for (const name of ['wte', 'h1', 'h3']) expectGradient(found[name]!, recorded.layers.grads[name], name);
  await bundle.release();
});

const astray = intervention({ factor: 'float32' }, (model: LanguageModel, { factor }) => {
  const { h, wte } = model.transformer;
  backward(sum(h[0].output * factor));
  h[2].output.grad = h[2].output;
  return { wte: save(wte.output.grad) };
});

it('a gradient that is set by what the loss does not depend on is an error when the bundle is made', async () => {
  await expect(compileTo(astray)).rejects.toThrow(
    /gradients\.test\.ts:\d+:\d+ - The loss does not depend on this tensor/,
  );
});
