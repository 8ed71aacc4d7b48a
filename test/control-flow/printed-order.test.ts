/** Lines are printed as JavaScript prints them: in its order, with objects as they were when the line was reached. */
import { inspect } from 'node:util';
import { LanguageModel, NNsight, save, Tensor } from 'onnsight';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { modelPath } from '../support/fixtures.ts';

const model = await NNsight.load(modelPath('zoo/mlp', 'ts'), { device: 'cpu' });
const x = new Tensor('float32', [1, 5], new Float32Array(5));

// biome-ignore lint/suspicious/noExplicitAny: a number here and a vector there.
type Make = (value: any) => any;

const PROGRAMS: Readonly<Record<string, (T: Make) => void>> = {
  'two lines in a loop, one of them in a branch': (T) => {
    'use trace';
    console.log('start', T(0));
    for (const r of T([1, 2, 3])) {
      console.log('a', r);
      if (r > 1) console.log('more');
      console.log('b', r);
    }
    console.log('end', T(9));
  },
  'loops in loops, while and break': (T) => {
    'use trace';
    for (const r of T([1, 2])) {
      console.log('row', r);
      for (const q of T([3, 4])) {
        console.log('in', q * r);
        console.log('and', q);
      }
      console.log('behind', r);
    }
    let w = T(0);
    while (w < 5) {
      w += 1;
      console.log('w', w);
      if (w > 2) break;
      console.log('on', w);
    }
  },
  'branches, one after another': (T) => {
    'use trace';
    if (T(1) > 0) console.log('one', T(1));
    else console.log('other');
    console.log('between', T(2));
    if (T(-1) > 0) console.log('never');
    else {
      console.warn('two');
      console.log('three', T(3));
    }
    console.log('last', T(4));
  },
  'lines without a value of the trace': (T) => {
    'use trace';
    console.log('before');
    if (T(1) > 0) console.log('in a branch');
    console.log('between', [1]);
    console.log(T(2));
    console.warn('behind');
  },
  'a helper that prints, in a loop and outside': (T) => {
    'use trace';
    const tell = (name: string, value: number) => {
      console.log(name, value);
      if (value > 1) console.log('large');
    };
    tell('first', T(2));
    for (const r of T([1, 2])) tell('row', r);
    tell('last', T(0));
  },
  'objects that change later': (T) => {
    'use trace';
    const list = [1];
    const o = { n: 1, in: { list } };
    console.log(T(2), list, o);
    list.push(2);
    for (const r of T([1, 2])) {
      o.n = 3;
      console.log(r, o);
    }
    o.n = 5;
    console.log(T(0), o);
  },
  'values of the trace in arrays and objects': (T) => {
    'use trace';
    console.log([T(1), { deep: T(2) }], 'beside');
    for (const r of T([1, 2])) console.log({ r, twice: [r * 2] });
  },
};

let printed: string[] = [];
beforeEach(() => {
  printed = [];
  for (const method of ['log', 'warn'] as const) {
    vi.spyOn(console, method).mockImplementation((...values) => printed.push(values.map(text).join(' ')));
  }
});
afterEach(() => vi.restoreAllMocks());

const text = (value: unknown): string => inspect(numbers(value), { depth: null });
function numbers(value: unknown): unknown {
  if (value instanceof Tensor) return value.toArray();
  if (Array.isArray(value)) return value.map(numbers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, numbers(field)]));
}

it.each(Object.entries(PROGRAMS))('%s', async (_, program) => {
  program((value) => value);
  const expected = printed;
  printed = [];
  await model.trace({ x }, () => {
    program((value) => model.layer1.output['0, 0'] * 0 + value);
  });
  expect(printed).toEqual(expected);
});

it('what was known, where the block or the run fails', async () => {
  const failing = (fails: () => unknown) =>
    model.trace({ x }, () => {
      console.log('first');
      console.log(model.layer1.output.sum());
      console.log('second');
      return save(fails() as number);
    });
  await expect(
    failing(() => {
      throw new Error('of the block');
    }),
  ).rejects.toThrow('of the block');
  const fails = () => {
    'use trace';
    return model.layer1.output[0][model.layer1.output.argmax().long() + 5000];
  };
  await expect(failing(fails)).rejects.toThrow('out of range');
  expect(printed).toEqual(["'first'", "'second'", "'first'", "'second'"]);
});

it('in the steps of a generation that a stop token ends', async () => {
  const lm = await LanguageModel.load('onnsight/toy-gpt2', { device: 'cpu' });
  await lm.generate(
    'The Eiffel Tower',
    (tracer) => {
      for (const step of tracer.all()) {
        const value = lm.transformer.h[0].output['0, -1, 0'] * 0 + step;
        console.log('step', value);
        if (value > 0) console.log('later', value);
        console.log('end', value);
      }
      return save(lm.lm_head.output['0, -1'].argmax());
    },
    { maxNewTokens: 5, stopTokens: [170] },
  );
  // The second token is the stop token.
  expect(printed).toEqual(["'step' 0", "'end' 0", "'step' 1", "'later' 1", "'end' 1"]);
});
