import { fileURLToPath } from 'node:url';
import { NNsight, save } from 'onnsight';
import { expect, it } from 'vitest';

const model: NNsight = await NNsight.load(fileURLToPath(new URL('../fixtures/zoo/mlp.ts.onnx', import.meta.url)), {
  device: 'cpu',
});
const x = [[0.1, 0.2, 0.3, 0.4, 0.5]];

/** What JavaScript tells of a value. */
const told = (b: unknown) => [b === undefined, b == null, typeof b, b ? 1 : 0, `${b}`, JSON.stringify({ b })];

/** Sets variables from outside where a traced number is above a limit. */
async function set(limit: number) {
  let text = 'no';
  let number: number | undefined;
  let saved: { item(): unknown } | undefined;
  let count = 0;
  await model.trace(x, () => {
    const zero = model.layer1.output[0][0] * 0;
    if (zero > limit) {
      text = 'yes';
      number = 3;
      saved = save(zero + 7) as never;
    }
    for (const row of model.layer1.output[0]) if (row * 0 > limit) count++;
  });
  return { text, number, saved, count };
}

it('variables from outside are what JavaScript says where a branch did not run', async () => {
  const { text, number, saved, count } = await set(1);
  expect([text, number, saved, count].map(told)).toEqual(['no', undefined, undefined, 0].map(told));
});

it('and where it did', async () => {
  const { text, number, saved, count } = await set(-1);
  expect([text, number, count].map(told)).toEqual(['yes', 3, 10].map(told));
  expect(saved?.item()).toBe(7);
});

it('in a session, too', async () => {
  let found: unknown;
  let asked: unknown;
  await model.session((session) => {
    session.trace(x, () => {
      const zero = model.layer1.output[0][0] * 0;
      if (zero > 1) found = save(zero + 7);
    });
    session.trace(x, () => {
      asked = save(model.layer1.output[0][0] * 0 + (found === undefined ? 1 : 2));
    });
  });
  expect(found).toBeUndefined();
  expect((asked as { item(): unknown }).item()).toBe(1);
});
