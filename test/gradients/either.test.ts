import { backward, grad, LanguageModel, Parameter, save, square, sum, Tensor, type Traced } from 'onnsight';
import { expect, it } from 'vitest';

const lm = await LanguageModel.load('onnsight/toy-gpt2', { device: 'cpu' });
const { h } = lm.transformer;
const prompt = 'The Eiffel Tower is in the city of';

/* What PyTorch gives: the gradient of the loss whose backward ran. */

async function byLoss(which: number): Promise<readonly number[]> {
  const found = await lm.trace(prompt, () => save(grad(lm.lm_head.output[`0, -1, ${which}`], h[1].output)));
  return [...found.data].map(Number);
}

function expectClose(found: Tensor, wanted: readonly number[]): void {
  const far = Math.max(...wanted.map((one, i) => Math.abs(one - Number(found.data[i]))));
  expect(far).toBeLessThan(1e-5);
}

it('what is read behind an if with a backward in each branch is the gradient of the one that ran', async () => {
  for (const [bound, ran] of [
    [-1e9, 3],
    [1e9, 4],
  ] as const) {
    const found = await lm.trace(prompt, () => {
      const logits = lm.lm_head.output['0, -1'];
      if (logits[0]! > bound) backward(logits[3]!);
      else backward(logits[4]!);
      return save(h[1].output.grad);
    });
    expectClose(found, await byLoss(ran));
  }
});

it('of branches in branches, with gradients that come in, too', async () => {
  const wanted = await Promise.all([5, 6, 7].map(byLoss));
  for (const [first, second, ran, factor] of [
    [-1e9, 0, 0, 1],
    [1e9, -1e9, 1, 2],
    [1e9, 1e9, 2, -3],
  ] as const) {
    const found = await lm.trace(prompt, () => {
      const logits = lm.lm_head.output['0, -1'];
      if (logits[0]! > first) {
        backward(logits[5]!);
      } else {
        if (logits[1]! > second) backward(logits['6:7'], Tensor.from([2], 'float32', [1]));
        else backward(logits[7]! * -3);
      }
      return save(h[1].output.grad);
    });
    expectClose(
      found,
      wanted[ran]!.map((one) => one * factor),
    );
  }
});

it('a parameter gets what the branch that ran makes of it, once', async () => {
  for (const [bound, factor] of [
    [-1e9, 2],
    [1e9, 3],
  ] as const) {
    const v = new Parameter([1, -2]);
    const [own, ofV] = await lm.trace(prompt, () => {
      const x = v + lm.lm_head.output['0, -1, :2'] * 0;
      if (lm.lm_head.output['0, -1, 0'] > bound) backward(sum(square(x)));
      else backward(sum(x * 3));
      return [save((x as unknown as Traced).grad), save(v.grad!)];
    });
    const wanted = factor === 2 ? [2, -4] : [3, 3];
    expect([own, ofV, v.grad].map((one) => [...one!.data])).toEqual([wanted, wanted, wanted]);
  }
});

it('of what was computed of a parameter before all of the model, a pass in a branch beside one outside is an error, not zeros', async () => {
  const v = new Parameter([1, -2]);
  const found = lm.trace(prompt, () => {
    const x = v * 1;
    if (lm.lm_head.output['0, -1, 0'] > -1e9) backward(sum(square(x)));
    return save(grad(sum(x), v));
  });
  await expect(found).rejects.toThrow('would have to pass through what was computed before it');
});

it('two branches one after the other each have their own', async () => {
  const found = await lm.trace(prompt, () => {
    const logits = lm.lm_head.output['0, -1'];
    let [a, b] = [h[1].output * 0, h[1].output * 0];
    if (logits[0]! > -1e9) {
      backward(logits[3]!);
      a = h[1].output.grad;
    }
    if (logits[0]! > -1e9) {
      backward(logits[4]!);
      b = h[1].output.grad;
    }
    return [save(a), save(b)];
  });
  expectClose(found[0] as unknown as Tensor, await byLoss(3));
  expectClose(found[1] as unknown as Tensor, await byLoss(4));
});

it('is an error where a branch has none, and where it is set', async () => {
  const one = lm.trace(prompt, () => {
    const logits = lm.lm_head.output['0, -1'];
    if (logits[0]! > 0) backward(logits[3]!);
    return save(h[1].output.grad);
  });
  await expect(one).rejects.toThrow('only the run will tell whether there was one');
  const set = lm.trace(prompt, () => {
    const logits = lm.lm_head.output['0, -1'];
    if (logits[0]! > 0) backward(logits[3]!);
    else backward(logits[4]!);
    h[2].output.grad = h[2].output.grad * 2;
    return save(h[1].output.grad);
  });
  await expect(set).rejects.toThrow('A gradient is set of a backward pass that stands in a branch or loop');
});
