import { intervention, type LanguageModel, save, type Traced, tensor } from 'onnsight';
import { expect, it, vi } from 'vitest';
import { build } from './support/build.ts';
import { countInLibrary } from './support/counter.mjs';

/** What is noted of a block that scales logits. */
async function noted(factor: () => number | Traced): Promise<string[]> {
  const one = intervention((model: LanguageModel) => ({ a: save(model.lm_head.output * factor()) }));
  const { notes } = await build(one);
  return notes.map((note) => note.replace(/^test\/bundle\/states\.test\.ts:\d+:\d+ - /, 'line: '));
}

let count = 0;
let cache: number[] | undefined;
const list: number[] = [];
const object = { id: 0 };
const map = new Map<string, number>();
const buffer = new Float32Array(1);
const set = new Set<number>();
const iterator = [1, 2, 3, 4][Symbol.iterator]();
class Counter {
  #n = 0;
  next(): number {
    return ++this.#n;
  }
}
const counter = new Counter();

it.each<[string, RegExp, () => number | Traced]>([
  [
    'a variable that counts',
    /'count' is outside of the block/,
    () => {
      'use trace';
      return count++;
    },
  ],
  [
    'an array that grows',
    /an array is outside/,
    () => {
      'use trace';
      return list.push(1);
    },
  ],
  [
    'a property',
    /'id' is outside/,
    () => {
      'use trace';
      return ++object.id;
    },
  ],
  [
    'an entry of a Map',
    /'x' is outside/,
    () => {
      'use trace';
      return map.set('x', (map.get('x') ?? 0) + 1).get('x')!;
    },
  ],
  ['a private field', /This is another when the block runs once more/, () => counter.next()],
  ['a library that counts', /This is another/, () => countInLibrary()],
  ['an iterator', /This is another/, () => iterator.next().value!],
  ['a Set', /This is another/, () => set.add(set.size).size],
  ['a typed array', /This is another|is outside/, () => tensor([++buffer[0]!])],
])('%s stays as it was when the bundle was built, which is told', async (_, expected, factor) => {
  const notes = await noted(factor);
  expect(notes).toEqual([expect.stringMatching(expected)]);
  expect(notes[0]).toMatch(/^line: |test\.ts:1:1/);
});

it('a block that can run only once, and a result that is another each time', async () => {
  let ran = false;
  const once = intervention((model: LanguageModel) => {
    if (ran) throw new Error('twice');
    ran = true;
    return save(model.lm_head.output);
  });
  expect((await build(once)).notes).toEqual([expect.stringMatching(/can run only once.* Then: twice/)]);
  const result = intervention((model: LanguageModel) => ({ a: save(model.lm_head.output), n: countInLibrary() }));
  expect((await build(result)).notes).toEqual([expect.stringMatching(/^test\.ts:1:1 - This is another/)]);
});

it('nothing is told of what is the same each time, and lines are printed once', async () => {
  const print = vi.spyOn(console, 'log').mockImplementation(() => {});
  const notes = await noted(() => {
    'use trace';
    cache ??= [1, 2, 3];
    count = 0;
    for (const _ of cache) count++;
    console.log('building');
    return count;
  });
  expect(notes).toEqual([]);
  expect(print.mock.calls).toEqual([['building']]);
  print.mockRestore();
});
