import { inspect } from 'node:util';
import { LanguageModel, type Saved, save, Tensor, type Traced, tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { foldable } from '../../runtime/modules/foldable.ts';

const lm = await LanguageModel.load('onnsight/toy-gpt2', { device: 'cpu' });
const display = (value: unknown): Record<string, string> =>
  (value as Record<symbol, () => Record<string, string>>)[Symbol.for('Jupyter.display')]!();

describe('in a notebook', () => {
  it('a tensor is a small picture with its numbers, what it is above it', () => {
    const shown = display(Tensor.from([[[1.5, -3, 0]], [[9, 9, 9]]]));
    expect(shown['text/plain']).toBe(String(Tensor.from([[[1.5, -3, 0]], [[9, 9, 9]]])));
    const cells = [...shown['text/html']!.matchAll(/rgba\((\d+),\d+,\d+,([\d.]+)\)">([^<]*)</g)].map((m) => m.slice(1));
    expect(cells).toEqual([
      ['178', '0.38', '1.5'],
      ['33', '0.75', '-3'],
      ['178', '0.00', '0'],
    ]);
    expect(shown['text/html']).toContain('tensor [2, 1, 3], float32, -3 to 9');
    expect(shown['text/html']).toContain('[0, :, :]');
  });

  it('what a tensor goes from and to is told without its NaN, and a part of a model is no model', () => {
    expect(display(Tensor.from([Number.NaN, 2, -1]))['text/html']).toContain('float32, -1 to 2<');
    expect(display(Tensor.from([Number.NaN, Number.NaN]))['text/html']).toContain('float32<');
    expect(display(lm.transformer.h[0])['text/html']).toContain('<summary>Module</summary>');
  });

  it.each([
    [[0, 3], 0],
    [[], 1],
    [[7], 7],
    [[100], 17],
    [[40, 40], 13 * 17],
  ])('one of dims %j has %i cells', (dims, count) => {
    const size = dims.reduce((product, one) => product * one, 1);
    const html = display(Tensor.from(new Float32Array(size).fill(Number.NaN), 'float32', dims))['text/html']!;
    expect(html.split('<td').length - 1).toBe(count);
    expect(html).not.toContain('undefined');
  });

  it('a tensor that came back and one that functions gave are shown, too', async () => {
    const saved = await lm.trace('The', () => save(lm.lm_head.output['0, -1'].topk(3).indices));
    expect(display(saved)['text/html']).toContain('tensor [3], int64');
    expect(display(tensor([true]))['text/html']).toContain('>true<');
  });

  it('a model is a tree that can be folded', () => {
    const { 'text/html': html, 'text/plain': plain } = display(lm);
    expect(plain).toBe(String(lm));
    const count = (text: string) => html!.split(text).length - 1;
    expect(count('<details')).toBe(plain!.split('\n').filter((line) => line.endsWith('(')).length);
    expect([count('<details open'), count('</details>')]).toEqual([1, count('<details')]);
    expect(count('<div')).toBe(count('</div>'));
    expect(html).toContain('<summary>(transformer): Module</summary>');
    expect(display(lm.transformer.h)['text/html']).toContain('(0-3): 4 x Module');
  });

  it('what a name holds is no markup', () => {
    expect(foldable('A<b>(\n  (c&d): E()\n)')).toContain('<summary>A&lt;b&gt;</summary>');
  });
});

describe('a variable that the block assigns', () => {
  it('is a tensor after the trace where it is saved; where it is not, it prints, and any use is an error that says so', async () => {
    let kept!: Saved;
    let lost!: Traced;
    await lm.trace('The', () => {
      lost = lm.transformer.h[0].output;
      kept = save(lost.norm());
    });
    expect(inspect(kept)).toMatch(/^tensor\(\d/);
    expect(kept.shape).toEqual([]);
    expect(inspect(lost)).toContain('a value of a trace that has ended');
    for (const use of [() => `${lost}`, () => lost.mean(), () => lost.shape, () => +lost, () => JSON.stringify(lost)]) {
      expect(use).toThrow(/used after the trace has ended. Return it from the block with save\(\)/);
    }
  });
});

it('size() is that of PyTorch: in a block, also where the run alone knows it, and outside', async () => {
  const x = tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  expect([x.size(), x.size(0), x.size(-1)]).toEqual([[2, 3], 2, 3]);
  expect(() => x.size(2)).toThrow('Dimension out of range (expected to be in range of [-2, 1], but got 2)');
  const { all, one, last, held } = await lm.trace('The Eiffel Tower', () => {
    const { output } = lm.transformer.h[0];
    return { all: output.size().length, one: save(output.size(1)), last: save(output.size(-1)), held: save(output) };
  });
  expect([all, one.item(), last.item()]).toEqual([3, held.dims[1], 128]);
});
