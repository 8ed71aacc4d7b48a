import { backward, crossEntropy, grad, Parameter, type RunStats, save, square, sum } from 'onnsight';
import { beforeAll, expect, it } from 'vitest';
import { loadEachWay } from '../execution/ways.ts';
import { loadToy } from '../support/toy.ts';

/*
 * Where a loss reads the logits of all positions, the unembedding, the loss and their derivative become one program when they
 * have run often. The numbers stay those of the first runs, which other tests compare with PyTorch's.
 */
const sentence = 'When Mary and John went to the store , John gave a drink to';
/** So many rows that the logits are a megabyte and more. */
const batch = Array.from({ length: 100 }, () => sentence);
/** Runs until all is as it stays. */
const OFTEN = 9;

let lm: Awaited<ReturnType<typeof loadToy>>;
let targets: number[];

beforeAll(async () => {
  lm = (await loadEachWay(loadToy)).get('layers')!;
  const { ids } = lm.tokenizer.encode(sentence);
  targets = batch.flatMap(() => [...ids.slice(1)]);
});

/** How many programs of a kind ran. */
const count = (stats: readonly RunStats[], wanted: string) =>
  stats.flatMap(({ dispatches }) => dispatches).filter(({ kind }) => kind === wanted).length;

/** Fails unless numbers are the same each time. */
function expectSame(found: readonly (readonly number[])[]): void {
  const scale = Math.max(...found[0]!.map(Math.abs));
  for (const later of found) {
    const worst = Math.max(...later.map((value, i) => Math.abs(value - found[0]![i]!)));
    expect(worst).toBeLessThan(1e-5 * scale);
  }
}

it('a loss of all logits: one program there and back, and the same numbers', async () => {
  const vector = new Parameter(new Float32Array(128).fill(0.1));
  const found: number[][] = [];
  const stats: RunStats[][] = [];
  for (let time = 0; time < OFTEN; time++) {
    const own: RunStats[] = [];
    stats.push(own);
    const { loss, early } = await lm.trace(
      batch,
      () => {
        lm.transformer.h[1].output += vector;
        const logits = lm.lm_head.output[':, :-1'].reshape([-1, 189]);
        const loss = crossEntropy(logits, targets) * 3;
        backward(loss);
        return { loss: save(loss), early: save(lm.transformer.h[2].output.grad['0']) };
      },
      { onStats: (one) => own.push(one) },
    );
    found.push([loss.item(), ...Array.from(vector.grad!.data, Number), ...Array.from(early.data, Number)]);
    vector.zeroGrad();
  }
  expectSame(found);
  const [first, last] = [stats[0]!, stats.at(-1)!];
  expect(count(last, 'intervention')).toBe(count(first, 'intervention') - 1);
  expect(count(last, 'backward')).toBe(count(first, 'backward') - 1);
});

it('logits that are saved too, or whose gradient is read, leave it', async () => {
  const found: number[][] = [];
  for (let time = 0; time < OFTEN; time++) {
    const { first, second } = await lm.trace(batch, () => {
      const logits = lm.lm_head.output;
      backward(sum(square(logits)));
      return { first: save(sum(square(logits.grad))), second: save(lm.transformer.h[2].output.grad['0, -1']) };
    });
    found.push([first.item(), ...Array.from(second.data, Number)]);
  }
  expectSame(found);
});

it('several passes, what comes in, and gradients of gradients', async () => {
  const found: number[][] = [];
  for (let time = 0; time < OFTEN; time++) {
    const saved = await lm.trace(batch, () => {
      const x = lm.transformer.h[2].output;
      const logits = lm.lm_head.output;
      const loss = sum(square(logits)) * 1e-6;
      const slope = grad(loss, x);
      const twice = grad(loss, x, { gradient: 2 });
      const other = grad(sum(logits), x);
      const second = grad(sum(slope * slope), x);
      return [save(slope['0, -1']), save(twice['0, -1']), save(other['0, -1']), save(second['0, -1'])];
    });
    found.push(saved.flatMap((one) => Array.from(one.data, Number)));
    Array.from(saved[0]!.data, Number).forEach((value, i) => {
      expect(Number(saved[1]!.data[i])).toBeCloseTo(2 * value, 4);
    });
  }
  expectSame(found);
});
