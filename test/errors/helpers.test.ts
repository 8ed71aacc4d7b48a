import { save } from 'onnsight';
import { expect, it } from 'vitest';
import { clean, lm, marked, rejection } from './support.ts';

const { expectMistake } = marked(import.meta.url);

/** Functions that carry the directive may be async, yield and try, for they also run on plain values. */
const wait = async (x: number) => {
  'use trace';
  const value = await x; // @await
  return value + 1;
};

const waitIf = async (x: number) => {
  'use trace';
  let y = 1;
  // biome-ignore format: the mark stands on the line of the statement.
  if (x > 1) y = await Promise.resolve(2); // @if around await
  return y;
};

function* twice(x: number) {
  'use trace';
  yield 1;
  yield x * 2;
}

async function* later(x: number) {
  'use trace';
  yield x * 2; // @yield
}

function tried(x: number) {
  'use trace';
  try {
    if (x > 1) return 1; // @try
    return 2;
  } finally {
    expect(x).toBeDefined();
  }
}

const next = (x: number) => later(x).next();

it.each([
  ['await', wait, /await depends on a traced tensor.*before the model runs.*Return it from the block with save\(\)/],
  ['if around await', waitIf, /if around await depends on a traced tensor.*without await or yield in it/],
  ['yield', next, /yield depends on a traced tensor.*before the model runs/],
] as const)('%s', async (mark, helper, says) => {
  let waiting: Promise<unknown> | undefined;
  const tracing = lm.trace(clean, () => {
    const norm = lm.transformer.h[0].output.norm();
    waiting = helper(norm);
    waiting.catch(() => {});
    return save(norm);
  });
  // Whoever drops the promise of the helper learns of it all the same.
  await expectMistake(await rejection(tracing), mark, says);
  await expectMistake(await rejection(waiting!), mark, says);
});

it('a jump out of a try is followed', async () => {
  const found = await lm.trace(clean, () => save(tried(lm.transformer.h[0].output.norm())));
  expect(found.item()).toBe(1);
});

it('does what JavaScript does on plain values', async () => {
  expect(await wait(1)).toBe(2);
  expect(await waitIf(2)).toBe(2);
  expect([...twice(3)]).toEqual([1, 6]);
  expect([tried(2), tried(0)]).toEqual([1, 2]);
});
