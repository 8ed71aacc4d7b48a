import { dirname } from 'node:path';
import { LanguageModel, matmul, NNsight, randn, save, sub, Tensor, topk, zeros } from 'onnsight';
import { expect, it } from 'vitest';
import { modelPath, TOY } from '../support/fixtures.ts';

const lm = await LanguageModel.load(dirname(TOY), { device: 'cpu' });
const PROMPT = 'The Eiffel Tower is in the city of';
const a = Tensor.from(
  [
    [1, 2, 3],
    [4, 5, 6],
  ],
  'float32',
);
const b = Tensor.from(
  [
    [1, 1, 1],
    [2, 2, 2],
  ],
  'float32',
);

it('computes with what a trace gave as the trace itself does', async () => {
  let kept: Tensor | undefined;
  const inBlock = await lm.trace(PROMPT, () => {
    const { output } = lm.transformer.h[1];
    const logits = lm.lm_head.output['0, -1'];
    kept = save(output);
    const top = logits.softmax(-1).topk(3);
    return { logits: save(logits), mean: save(output.mean(-1)), values: save(top.values), indices: save(top.indices) };
  });
  const top = inBlock.logits.softmax(-1).topk(3);
  expect(top.values.data).toEqual(inBlock.values.data);
  expect(top.indices.data).toEqual(inBlock.indices.data);
  // A variable that was assigned in the block is a tensor, too.
  expect(kept!.mean(-1).data).toEqual(inBlock.mean.data);
  expect(kept!.shape).toEqual([1, 9, 128]);
});

it('has the results of functions where tensors are asked for', async () => {
  const start = sub(a, b);
  expect(start).toBeInstanceOf(Tensor);
  expect(start.toArray()).toEqual([
    [0, 1, 2],
    [2, 3, 4],
  ]);
  expect([start.dtype, start.ndim, start.shape]).toEqual(['float32', 2, [2, 3]]);
  const model = await NNsight.load(modelPath('zoo/mlp', 'ts'), { device: 'cpu' });
  const [given, same] = [randn(1, 5, { seed: 1 }), randn(1, 5, { seed: 1 })];
  const outputs = [await model.trace({ x: given }), await model.trace({ x: same })].map(Object.values);
  expect(outputs[0]![0]!.data).toEqual(outputs[1]![0]!.data);
});

it('is an operand of a later block', async () => {
  const direction = zeros(128).add(2);
  const [plain, steered] = await lm.trace(PROMPT, () => {
    const { output } = lm.transformer.h[0];
    return [save(output), save(output + direction)] as const;
  });
  expect(steered.data).toEqual(plain.add(2).data);
});

it('takes operators in compiled code, where JavaScript would have none', () => {
  const moved = (x: Tensor, y: Tensor) => {
    'use trace';
    return -(x as never) * 2 + (y as never) ** 2;
  };
  expect((moved(a, b) as unknown as Tensor).toArray()).toEqual([
    [-1, -3, -5],
    [-4, -6, -8],
  ]);
  // What has one element stays the number that it is to JavaScript, wherever it stands.
  expect(moved(Tensor.from(3), Tensor.from(2))).toBe(-2);
});

it('says at the line what to write where JavaScript needs a number or a name', () => {
  expect(() => (a as never) - (b as never)).toThrow(
    'a Tensor with 6 elements is not a number: write sub(a, b) or a.sub(b)',
  );
  expect(() => (a as never) < (b as never)).toThrow('is not a number');
  expect(() => a[topk(a, 2).indices as never]).toThrow('write indexSelect(t, dim, indices) or maskedSelect(t, mask)');
});

it("names the user's line where tensors do not fit", () => {
  for (const wrong of [() => a.mean(5), () => matmul(a, b), () => a.softmax(0).gather(0, Tensor.from([9]))]) {
    expect(wrong).toThrow(/^test\/tensor\/computing\.test\.ts:\d+:\d+ - /);
  }
  expect(() => Tensor.from([[1], [2]]).gather(0, Tensor.from([[9]]))).toThrow(
    /computing\.test\.ts:\d+:\d+ - gather: .*9/,
  );
});

it('computes more kinds of operations than are kept', () => {
  // Every number of dimensions is a structure of its own.
  for (let round = 0; round < 2; round++) {
    for (let rank = 1; rank <= 8; rank++) {
      const x = Tensor.from([1, 4, 9, 16], 'float32', [4, ...new Array<number>(rank - 1).fill(1)]);
      for (let dim = 0; dim < rank; dim++) {
        const along = dim === 0 ? 30 : 1;
        expect(x.sum(dim).sum().item()).toBe(30);
        expect(x.cumsum(dim).amax().item()).toBe(dim === 0 ? along : 16);
        expect(x.flip(dim).sort(dim).values.sum().item()).toBe(30);
      }
    }
  }
});

it('reshapes with what is left', () => {
  expect(a.reshape(-1).shape).toEqual([6]);
  expect(a.reshape([3, -1]).toArray()).toEqual([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  expect(() => a.reshape(4, -1)).toThrow('dims [4, -1] are not sizes of dimensions');
  expect(() => a.reshape(-1, -1)).toThrow('are not sizes of dimensions');
});
