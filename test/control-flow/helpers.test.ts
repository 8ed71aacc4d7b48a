import { mul, norm, save } from 'onnsight';
import { beforeAll, expect, it } from 'vitest';
import { loadToy } from '../support/toy.ts';

// biome-ignore lint/suspicious/noExplicitAny: as users write helpers.
type Any = any;

const layer = (model: Any, i = 1) => model.transformer.h[i];
const at = (model: Any) => model.transformer.h[1];
const strength = (value: Any, { by }: { by: number }) => mul(value, by);
function last(model: Any) {
  return save(model.lm_head.output[':, -1']);
}
let calls = 0;
const counted = (model: Any) => [at(model), calls++][0];

let model: Awaited<ReturnType<typeof loadToy>>;
beforeAll(async () => {
  model = await loadToy();
});

const prompt = 'The Eiffel Tower is in the city of';

it.each([0, 1e9])('helpers that get at something are followed under a traced condition: norm > %d', async (least) => {
  const helped = await model.trace(prompt, () => {
    const size = norm(at(model).output);
    if (size > least) at(model).output = at(model).output * strength(size / size, { by: 3 });
    return last(model);
  });
  const plain = await model.trace(prompt, () => {
    if (least === 0) model.transformer.h[1].output = model.transformer.h[1].output * 3;
    return save(model.lm_head.output[':, -1']);
  });
  expect([...helped.data]).toEqual([...plain.data]);
});

it('one that changes something is refused there, and called elsewhere', async () => {
  const run = model.trace(prompt, () => {
    if (norm(model.transformer.h[0].output) > 0) counted(model).output *= 2;
    return last(model);
  });
  await expect(run).rejects.toThrow('The function counted was not compiled');
  expect(calls).toBe(0);
  const once = await model.trace(prompt, () => {
    counted(model).output *= 3;
    return last(layer(model, 0) && model);
  });
  expect(calls).toBe(1);
  const plain = await model.trace(prompt, () => {
    model.transformer.h[1].output *= 3;
    return last(model);
  });
  expect([...once.data]).toEqual([...plain.data]);
});
