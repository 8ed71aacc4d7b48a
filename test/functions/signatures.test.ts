import { describe, expect, it } from 'vitest';
import * as functions from '../../runtime/functions/index.ts';
import { methods } from '../../runtime/functions/methods.ts';
import { type Parameter, SIGNATURES } from '../../runtime/functions/signatures.ts';
import { Tensor } from '../../runtime/tensor/tensor.ts';
import { Builder, withBuilder } from '../../runtime/tracing/builder.ts';
import '../../runtime/operators/members.ts';

/** Other names of functions that are in the table. */
const ALIASES: Readonly<Record<string, string>> = { concat: 'cat', variance: 'var' };
/** Methods that tensors with their elements have of their own. */
const OWN = ['item', 'toArray'];
const x = Tensor.from([[1, 2.5]]);
/** One of each kind of argument. */
const CANDIDATES = [x, 1, true, 'float32', [1]];
const parametersOf = (name: string) =>
  Object.values<Parameter>(SIGNATURES[(ALIASES[name] ?? name) as keyof typeof SIGNATURES]);
/** As many arguments as a function takes, each of which fits. */
const argumentsOf = (name: string) =>
  parametersOf(name).map(({ fits }) => CANDIDATES.find((candidate) => fits(candidate)));
const takesRest = (name: string) => parametersOf(name).some(({ mode }) => mode === 'rest');

type Called = (...args: unknown[]) => unknown;
const places: readonly (readonly [string, (run: () => unknown) => unknown])[] = [
  ['outside of blocks', (run) => run()],
  ['in a block', (run) => withBuilder(new Builder(), run)],
];

describe('every function', () => {
  const all = Object.entries<unknown>(functions);

  it('has a signature, and there are no others', () => {
    const names = all.map(([name]) => ALIASES[name] ?? name);
    expect([...new Set([...names, ...OWN, 'save'])].sort()).toEqual(Object.keys(SIGNATURES).sort());
    expect(all.map(([, fn]) => (fn as Called).name)).toEqual(names);
  });

  describe.each(places)('%s', (_, place) => {
    it.each(all.filter(([name]) => !takesRest(name)))('%s refuses a further argument at its line', (name, fn) => {
      const more = [...argumentsOf(name), 7];
      expect(() => place(() => (fn as Called)(...more))).toThrow(
        /^test\/functions\/signatures\.test\.ts:\d+:\d+ - \w+ is called as \w+\(.*\); found 7 behind that/,
      );
    });

    it.each(all.filter(([name]) => takesRest(name)))('%s refuses what is none of its arguments', (name, fn) => {
      const wrong = name === 'einsum' ? [5] : [x, () => 1];
      expect(() => place(() => (fn as Called)(...wrong))).toThrow(/: \w+ is (5|a function)\. It is /);
    });

    it.each(all.filter(([name]) => parametersOf(name)[0]!.mode === 'needed'))(
      '%s says what is missing',
      (_name, fn) => {
        expect(() => place(() => (fn as Called)())).toThrow(/: \w+ is missing\. It is called as \w+\(/);
      },
    );
  });
});

describe('every method', () => {
  it.each([...Object.keys(methods), ...OWN].filter((name) => name !== 'where' && !takesRest(name)))(
    '%s refuses a further argument',
    (name) => {
      const [, ...others] = argumentsOf(name);
      expect(() => Reflect.apply(Reflect.get(x, name), x, [...others, 7])).toThrow(/found 7 behind that/);
    },
  );

  it('where, which begins with what is kept, too', () => {
    expect(() => Reflect.apply(Reflect.get(x, 'where'), x, [true, x, 7])).toThrow(/found 7 behind that/);
  });
});

describe('what map gives besides the entry', () => {
  it('is nothing to a function of one tensor', () => {
    expect([x, x].map(functions.relu as Called).map((one) => (one as Tensor).toArray())).toEqual([
      [[1, 2.5]],
      [[1, 2.5]],
    ]);
  });

  it('would be an argument of others', () => {
    expect(() => [x, x].map(functions.squeeze as Called)).toThrow(/write map\(\(x\) => squeeze\(x\)\)/);
  });
});
