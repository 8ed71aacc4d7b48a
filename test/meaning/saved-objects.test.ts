import { save, type Tensor } from 'onnsight';
import { expect, it } from 'vitest';
import { small, traced } from './support.ts';

/* What is saved of an array or object comes back whole, or is an error. */

const KEY = Symbol('key');

it('what a symbol names comes back', async () => {
  const held: Readonly<Record<PropertyKey, number>> = { a: 1, [KEY]: 2 };
  const back: unknown = await small.trace(() =>
    save({ a: traced(held.a!), [KEY]: traced(held[KEY]!) } as Readonly<Record<string, unknown>>),
  );
  const saved = back as Readonly<Record<PropertyKey, Tensor>>;
  expect(Reflect.ownKeys(saved)).toEqual(['a', KEY]);
  expect([saved.a?.item(), saved[KEY]?.item()]).toEqual([1, 2]);
});

it('an array that is more than its elements is an error', async () => {
  const says = /^test\/meaning\/saved-objects\.test\.ts:\d+:\d+ - An array .*cannot be saved/;
  class List extends Array<unknown> {}
  await expect(
    small.trace(() => {
      const list = new List();
      list.push(traced(1));
      return save(list as readonly unknown[]);
    }),
  ).rejects.toThrow(says);
  const counted: unknown[] & { total?: unknown } = [1, 2];
  counted.total = 3;
  await expect(small.trace(() => save([counted, traced(1)]))).rejects.toThrow(/with the property 'total'/);
});
