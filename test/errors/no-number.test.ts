import { save, type Traced } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { loadToy } from '../support/toy.ts';

/** JavaScript makes NaN of these beside an operator, which nobody means: live it is an error, and so it is in a bundle. */
const lm = await loadToy();
const { h } = lm.transformer;
class Direction {
  readonly scale = 2;
}
const VALUES: [string, () => unknown, RegExp][] = [
  ['a module', () => h[0], /transformer\.h\.0 is a module, not a tensor\. Its tensors are transformer\.h\.0\.output/],
  ['a list of modules', () => h, /transformer\.h is a module/],
  ['the model', () => lm, /model is a module/],
  ['an operation', () => h[0]!.attn.ops.Softmax, /\(transformer\.h\.0\.attn\.ops\.Softmax\).*its output/],
  ['a call', () => h[0]!.calls[0], /this value \(transformer\.h\.0\.calls\[0\]\).*its output/],
  ['calls', () => h[0]!.calls, /this value \(Array\)/],
  ['outputs', () => h[0]!.outputs, /tensor\(array\)/],
  ['a typed array', () => new Float32Array(128), /tensor\(array\)/],
  ['an array', () => [1, 2], /tensor\(array\)/],
  ['nested arrays', () => [[1], [2]], /tensor\(array\)/],
  ['an array of texts', () => ['a'], /this value \(Array\)/],
  ['a Buffer', () => Buffer.from([1, 2]), /tensor\(array\)/],
  ['an ArrayBuffer', () => new ArrayBuffer(8), /\(ArrayBuffer\).*tensor\(new Float32Array\(buffer\)\)/],
  ['a SharedArrayBuffer', () => new SharedArrayBuffer(8), /\(SharedArrayBuffer\)/],
  ['a DataView', () => new DataView(new ArrayBuffer(8)), /\(DataView\)/],
  ['a Map', () => new Map([[1, 2]]), /\(Map\).*the numbers that are in it/],
  ['a Set', () => new Set([1]), /\(Set\)/],
  ['an object', () => ({ scale: 2 }), /\(Object\)/],
  ['an instance', () => new Direction(), /\(Object\)/],
  ['a promise', () => Promise.resolve(1), /\(Promise\)/],
  ['a function', () => () => 1, /\(Function\)/],
  ['a class', () => Direction, /\(Function\)/],
];

const USES: Record<string, (x: never, traced: Traced) => unknown> = {
  'x * 2': (x) => {
    'use trace';
    return x * 2;
  },
  '1 - x': (x) => {
    'use trace';
    return 1 - x;
  },
  'x > 3': (x) => {
    'use trace';
    return x > 3 ? 1 : 2;
  },
  '-x': (x) => {
    'use trace';
    return -x;
  },
  'Math.abs(x)': (x) => {
    'use trace';
    return Math.abs(x);
  },
};

describe.each(VALUES)('%s', (_, make, message) => {
  it.each(Object.keys(USES))('is an error in %s', async (use) => {
    const run = lm.trace('a', () => {
      const { output } = h[0]!;
      return save(output * (USES[use]!(make() as never, output) as number));
    });
    await expect(run).rejects.toThrow(message);
    await expect(run).rejects.toThrow(/^test\/errors\/no-number\.test\.ts:\d+:\d+ - /);
  });
});

it('what JavaScript has a number for has it', async () => {
  const day = new Date(86_400_000);
  const values: unknown[] = [
    day,
    new Number(3),
    { valueOf: () => 4 },
    { toString: () => '5' },
    [6],
    [],
    null,
    '7',
    true,
  ];
  const found = await lm.trace('a', () => {
    const { output } = h[0]!;
    return values.map((value) => save(output['0, 0, 0'] * 0 + (value as never) * 1));
  });
  expect(found.map((one) => one.item())).toEqual(values.map((value) => Number(value)));
});
