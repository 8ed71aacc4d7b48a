import { add, save, type Tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { clean, lm, marked } from '../errors/support.ts';

const { traceFails } = marked(import.meta.url);

function numbersOf(tensors: Readonly<Record<string, Tensor>>) {
  return Object.entries(tensors).map(([name, { dims, data }]) => ({ name, dims, data: Array.from(data, Number) }));
}

describe('the inputs and outputs of a model', () => {
  it('have the names of the file, by which they are read', async () => {
    const all = await lm.trace(clean);
    const found = await lm.trace(clean, () => {
      const values: Record<string, Tensor> = {};
      for (const name of Object.keys(all)) values[name] = save(lm.outputs[name]);
      return { values, ids: save(lm.inputs.input_ids), past: save(lm.inputs['past_key_values.0.key']) };
    });
    expect(numbersOf(found.values)).toEqual(numbersOf(all));
    expect([...found.ids.data].map(Number)).toEqual(clean.input_ids[0]);
    expect(found.past.dims).toEqual([1, 4, 0, 32]);
  });

  it('are the entries of an array all the same', async () => {
    const { count, first, last } = await lm.trace(clean, () => ({
      count: lm.outputs.length,
      first: save(lm.outputs[0]),
      last: save(lm.outputs[-1]),
    }));
    const all = await lm.trace(clean);
    const names = Object.keys(all);
    expect(count).toBe(names.length);
    expect(numbersOf({ first, last })).toEqual(numbersOf({ first: all[names[0]!]!, last: all[names.at(-1)!]! }));
  });

  it('are changed in place by their names', async () => {
    const [changed, plain] = await Promise.all([
      lm.trace(clean, () => {
        lm.outputs['present.1.key'][0] = add(lm.outputs['present.1.key'][0], 2);
        return save(lm.outputs['present.1.key']);
      }),
      lm.trace(clean, () => save(lm.outputs['present.1.key'])),
    ]);
    expect([...changed.data].map(Number)).toEqual([...plain.data].map((value) => Math.fround(Number(value) + 2)));
  });

  it('have no other names', () =>
    traceFails(
      lm.trace(clean, () => save(lm.inputs.input_id)), // @misspelt
      'misspelt',
      /the model.inputs has no 'input_id'; did you mean input_ids\?/,
    ));
});
