import {
  backward,
  double,
  grad,
  LanguageModel,
  Parameter,
  save,
  square,
  sum,
  Tensor,
  type Traced,
  tanh,
  zerosLike,
} from 'onnsight';
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

it('what was computed of a parameter before all of the model is gone back through', async () => {
  const v = new Parameter([1, -2]);
  const found = await lm.trace(prompt, () => {
    const x = v * 1;
    if (lm.lm_head.output['0, -1, 0'] > -1e9) backward(sum(square(x)));
    return save(grad(sum(x), v));
  });
  expect([found, v.grad].map((one) => [...one!.data])).toEqual([
    [1, 1],
    [2, -4],
  ]);
  const w = new Parameter([1, -2]);
  const [own, state] = await lm.trace(prompt, () => {
    const scaled = h[0].output['0, 0, :2'] * (w * 2);
    if (lm.lm_head.output['0, -1, 0'] > -1e9) backward(sum(scaled));
    else backward(lm.lm_head.output['0, -1, 0']);
    return [save(w.grad!), save(h[0].output['0, 0, :2'])];
  });
  const wanted = [...state!.data].map((one) => Number(one) * 2);
  expectClose(own!, wanted);
  expectClose(w.grad!, wanted);
});

it('by a tensor that may be another one, of which the loss is computed, too, is an error', async () => {
  const doubtful = 'asked for that may be another one';
  const v = new Parameter([1, -2]);
  const descent = (start: (v: Parameter) => Traced) =>
    lm.trace(prompt, () => {
      'use trace';
      let x = start(v);
      let steps = 0;
      while (steps < 2 && sum(lm.lm_head.output) * 0 < 1) {
        x = (x - grad(sum(square(x - v)) + sum(square(x)), x) * 0.1) as Traced;
        steps++;
      }
      return save(x);
    });
  await expect(
    descent((one) => {
      'use trace';
      return one as unknown as Traced;
    }),
  ).rejects.toThrow(doubtful);
  const found = await descent((one) => {
    'use trace';
    return (one + 0) as unknown as Traced;
  });
  let wanted = [1, -2];
  for (let i = 0; i < 2; i++) wanted = wanted.map((x, k) => x - 0.1 * (2 * (x - [1, -2][k]!) + 2 * x));
  expectClose(found, wanted);
  const branch = lm.trace(prompt, () => {
    let x = h[1].output;
    if (sum(x) > 1e9) x = x * 2;
    backward(sum(square(h[1].output)) + sum(x));
    return save(x.grad);
  });
  await expect(branch).rejects.toThrow(doubtful);
  const past = lm.trace(prompt, () => {
    let x = h[1].output;
    if (sum(x) > 1e9) x = x * 2;
    backward(lm.lm_head.output['0, -1, 3'] + sum(x));
    return save(x.grad);
  });
  await expect(past).rejects.toThrow(doubtful);
  const written = await lm.trace(prompt, () => {
    let x = h[1].output;
    if (sum(x) > 1e9) x = x * 2;
    h[1].output = x;
    backward(lm.lm_head.output['0, -1, 3']);
    return save(x.grad);
  });
  expectClose(written, await byLoss(3));
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

/** Which of several losses ran, behind an `if … else if …` of some length, by conditions on which of them is to run. */
it.each([0, 1, 2, 3, 4, 5])('of a chain of conditions the one that ran: %i', async (which) => {
  const wanted = await byLoss(Math.min(which, 2) + 10);
  const short = await lm.trace(prompt, () => {
    const logits = lm.lm_head.output['0, -1'];
    const at = sum(logits) * 0 + which;
    if (at < 1) backward(logits[10]!);
    else if (at < 2) backward(logits[11]!);
    else backward(logits[12]!);
    return save(h[1].output.grad);
  });
  expectClose(short, wanted);
  const long = await lm.trace(prompt, () => {
    const logits = lm.lm_head.output['0, -1'];
    const at = sum(logits) * 0 + which;
    if (at < 1) {
      backward(logits[10]!);
    } else if (at < 2) {
      backward(logits['10:12'], Tensor.from([0, 1], 'float32'));
    } else if (at < 3) {
      if (at > 100) backward(logits[30]!);
      else backward(logits[12]!);
    } else if (at < 4) {
      backward(double(logits[12]!));
    } else if (at < 5) {
      backward(logits[5]!);
      backward(logits[12]!);
    } else {
      backward(logits[12]! * 1);
    }
    return save(h[1].output.grad);
  });
  expectClose(long, wanted);
});

it.each([0, 1, 2, 3, 4])(
  'of a switch the clause that was entered, or the one that it falls through to: %i',
  async (which) => {
    const wanted = await byLoss([20, 21, 22, 22, 23][which]!);
    const found = await lm.trace(prompt, () => {
      const logits = lm.lm_head.output['0, -1'];
      switch (sum(logits) * 0 + which) {
        case 0:
          backward(logits[20]!);
          break;
        case 1: {
          backward(logits[20]!);
          backward(logits[21]!);
          break;
        }
        case 2:
        case 3:
          backward(logits[22]!);
          break;
        default:
          backward(logits[23]!);
      }
      return save(h[1].output.grad);
    });
    expectClose(found, wanted);
  },
);

it('the one before a branch that did not run', async () => {
  for (const [bound, ran] of [
    [-1e9, 3],
    [1e9, 4],
  ] as const) {
    const wanted = await byLoss(ran);
    const found = await lm.trace(prompt, () => {
      const logits = lm.lm_head.output['0, -1'];
      backward(logits[4]!);
      const before = save(h[2].output.grad);
      if (logits[0]! > bound) backward(logits[3]!);
      return { before, found: save(h[1].output.grad) };
    });
    expectClose(found.found, wanted);
    const often = await lm.trace(prompt, () => {
      const logits = lm.lm_head.output['0, -1'];
      for (let i = 0; i < 4; i++) {
        if (i > 1 && logits[0]! < bound) break;
        backward(logits[i === 1 ? 4 : 3]!);
      }
      return save(h[1].output.grad);
    });
    expectClose(often, wanted);
  }
});

it('in each iteration of a loop those of the branch that ran', async () => {
  const { rows, found } = await lm.trace(prompt, () => {
    const rows = h[1].output[0][':, :3'];
    let total: number = zerosLike(rows['0']);
    for (const row of rows as Iterable<Traced>) {
      if (sum(row) > 1) backward(sum(square(row)));
      else if (sum(row) > 0) backward(sum(row));
      else if (sum(row) > -1) backward(sum(row * 3));
      else if (sum(row) > -2) backward(sum(row * 4));
      else if (sum(row) > -3) backward(sum(row * 5));
      else backward(sum(tanh(row)));
      total = total + row.grad;
    }
    return { rows: save(rows), found: save(total) };
  });
  const wanted = [0, 0, 0];
  const kinds = new Set<number>();
  for (let i = 0; i < rows.dims[0]!; i++) {
    const row = [...rows.data].slice(3 * i, 3 * i + 3).map(Number);
    const total = row.reduce((a, b) => a + b);
    const kind = [1, 0, -1, -2, -3].findIndex((bound) => total > bound);
    kinds.add(kind);
    row.forEach((value, k) => {
      wanted[k]! += [1 - Math.tanh(value) ** 2, 2 * value, 1, 3, 4, 5][kind + 1]!;
    });
  }
  expect(kinds.size).toBeGreaterThan(1);
  expectClose(found, wanted);
});

it('is an error where a branch has none, behind a loop, in a later iteration, and where it is set', async () => {
  const unknown = 'only the run will tell whether there was one';
  const refused = async (block: () => unknown, reason: string) =>
    expect(lm.trace(prompt, block as () => number)).rejects.toThrow(reason);
  await refused(() => {
    'use trace';
    const logits = lm.lm_head.output['0, -1'];
    if (logits[0]! > 0) backward(logits[3]!);
    return save(h[1].output.grad);
  }, unknown);
  await refused(() => {
    'use trace';
    const logits = lm.lm_head.output['0, -1'];
    if (logits[0]! > 0) backward(logits[3]!);
    else if (logits[0]! > -1) backward(logits[3]!);
    else if (logits[0]! > -2) backward(logits[3]!);
    else if (logits[0]! > -3) backward(logits[3]!);
    else if (logits[0]! > -4) backward(logits[3]!);
    return save(h[1].output.grad);
  }, unknown);
  await refused(() => {
    'use trace';
    const logits = lm.lm_head.output['0, -1'];
    switch (logits.argmax()) {
      case 1:
        backward(logits[3]!);
        break;
      case 2:
        break;
      default:
        backward(logits[4]!);
    }
    return save(h[1].output.grad);
  }, unknown);
  await refused(() => {
    'use trace';
    const logits = lm.lm_head.output['0, -1'];
    const v = new Parameter([1, 2]);
    if (logits[0]! > 0) backward(sum(square(v)));
    return save(v.grad!);
  }, unknown);
  await refused(() => {
    'use trace';
    const logits = lm.lm_head.output['0, -1'];
    for (const one of logits[':3'] as Iterable<Traced>) backward(one);
    return save(h[1].output.grad);
  }, unknown);
  await refused(() => {
    'use trace';
    const logits = lm.lm_head.output['0, -1'];
    backward(logits[5]!);
    let total: number = zerosLike(h[1].output);
    for (const one of logits[':3'] as Iterable<Traced>) {
      if (one > 0) backward(one);
      total = total + h[1].output.grad;
    }
    return save(total);
  }, unknown);
  const set = 'A gradient is set of a backward pass that stands in a branch or loop';
  await refused(() => {
    'use trace';
    const logits = lm.lm_head.output['0, -1'];
    if (logits[0]! > 0) backward(logits[3]!);
    else backward(logits[4]!);
    h[2].output.grad = h[2].output.grad * 2;
    return save(h[1].output.grad);
  }, set);
  await refused(() => {
    'use trace';
    const logits = lm.lm_head.output['0, -1'];
    backward(logits[3]!);
    const before = h[2].output.grad;
    if (logits[0]! > 0) backward(logits[4]!);
    const found = save(h[1].output.grad);
    before[':, 0'] = 0;
    return found;
  }, set);
  await refused(() => {
    'use trace';
    const logits = lm.lm_head.output['0, -1'];
    backward(logits[3]!);
    h[2].output.grad[':, 0'] = 0;
    if (logits[0]! > 0) backward(logits[4]!);
    return save(h[1].output.grad);
  }, unknown);
  // In place, too.
  await refused(() => {
    'use trace';
    const logits = lm.lm_head.output['0, -1'];
    let total: number = zerosLike(h[1].output);
    for (const one of logits[':3'] as Iterable<Traced>) {
      backward(one);
      h[2].output.grad[':, 0'] = 0;
      total = total + h[1].output.grad;
    }
    return save(total);
  }, set);
  await refused(() => {
    'use trace';
    const logits = lm.lm_head.output['0, -1'];
    let found: number = zerosLike(h[1].output);
    if (logits[0]! > 0) {
      backward(logits[3]!);
      const own = h[1].output.grad;
      own[':, 0'] = 0;
      found = own;
    }
    return save(found);
  }, set);
});

it('the gradient by a parameter is set in branches and loops behind its backward pass', async () => {
  // Of the loss sum(v²) the gradient is 2v.
  const after = async (block: (v: Parameter) => void) => {
    const v = new Parameter([3, -1, 0.5]);
    await lm.trace(prompt, () => {
      backward(sum(square(v)));
      block(v);
      return save(h[1].output);
    });
    return [...v.grad!.data];
  };
  for (const [bound, wanted] of [
    [-1e9, [60, -20, 10]],
    [1e9, [6, 0, 0]],
  ] as const) {
    const found = await after((v) => {
      'use trace';
      if (lm.lm_head.output['0, -1, 0'] > bound) v.grad = (v.grad as never as number) * 10;
      else (v.grad as never as Traced)['1:'] = 0;
    });
    expect(found).toEqual(wanted);
  }
  const often = await after((v) => {
    'use trace';
    for (const one of lm.lm_head.output['0, -1, :3'] as Iterable<Traced>) {
      if (one !== 0) v.grad = (v.grad as never as number) * 2;
    }
  });
  expect(often).toEqual([48, -16, 8]);
});
