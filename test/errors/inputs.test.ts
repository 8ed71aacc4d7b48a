import { fileURLToPath } from 'node:url';
import { NNsight, save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectUsable, lm, marked, rejection } from './support.ts';

const { traceFails } = marked(import.meta.url);

describe('inputs that do not fit', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['a wrong name', () => ({ ids: [[1]] }), /no input 'ids'\. Its inputs are: input_ids \(int64/],
    ['nothing', () => ({}), /Missing inputs: input_ids/],
    ['a wrong dtype', () => ({ input_ids: [[1.5]] }), /input_ids \(int64.*float32/],
    ['a wrong rank', () => ({ input_ids: [1, 2] }), /has 2 dimensions, but a tensor of dims \[2\]/],
    [
      'an id that the model has no row for',
      () => ({ input_ids: [[1, 500, 2]] }),
      /'input_ids' holds 500 at \[0, 1\], but transformer\.wte\.weight.*has 189 rows: they run from 0 to 188\..*own tokenizer/,
    ],
    ['a negative id', () => ({ input_ids: [[-1]] }), /'input_ids' holds -1 at \[0, 0\]/],
    [
      'a sequence that is too long',
      () => ({ input_ids: [Array.from({ length: 70 }, () => 1)] }),
      /'position_ids' holds 64 at \[0, 64\].*has 64 rows.*Give a sequence of at most 64 tokens/,
    ],
    [
      'whole numbers of another dtype that do not fit',
      () => ({ input_ids: { dtype: 'uint64', dims: [1, 1], data: new BigUint64Array([2n ** 63n]) } }),
      /input_ids.*9223372036854775808 does not fit in int64/,
    ],
    ['a ragged array', () => ({ input_ids: [[1, 2], [3]] }), /input_ids/],
    ['a text in its place', () => ({ input_ids: 'Paris' }), /input_ids/],
    ['null', () => null, /input/],
    ['undefined', () => undefined, /input/],
  ])('%s', async (_, inputs, says) => {
    const error = await rejection(lm.trace(inputs() as never, () => save(lm.lm_head.output)));
    expect(error.name).toBe('InputError');
    expect(error.message).toMatch(says);
    await expectUsable();
  });

  it('a wrong fixed size', async () => {
    const mlp = await NNsight.load(fileURLToPath(new URL('../fixtures/zoo/mlp.ts.onnx', import.meta.url)), {
      device: 'cpu',
    });
    const error = await rejection(mlp.trace([[1, 2, 3]]));
    expect(error.name).toBe('InputError');
    expect(error.message).toMatch(/must have size \d+ in dimension 1, but a tensor of dims \[1, 3\] was given/);
  });

  it('the line that gave them', async () => {
    const error = await rejection(lm.trace({ ids: [[1]] }, () => save(lm.lm_head.output)));
    expect(error.message).toMatch(/^test\/errors\/inputs\.test\.ts:\d+:\d+ - The model has no input 'ids'/);
  });

  it('no inputs at all', () =>
    traceFails(
      lm.trace(() => save(lm.lm_head.output)), // @no inputs
      'no inputs',
      /has no input\. Give it one/,
    ));
});
