import { describe, expect, it } from 'vitest';
import { judge } from '../compiler/fuzz/verdict.ts';

/** Each function of Math, on a traced number. `random` takes none. */
const NAMES = Object.getOwnPropertyNames(Math).filter(
  (name) => typeof Reflect.get(Math, name) === 'function' && name !== 'random',
);

/** How a program may come to call `f` of Math on `x`. */
const WAYS: readonly ((name: string) => string)[] = [
  (f) => `Math.${f}(x)`,
  (f) => `Math['${f}'](x)`,
  (f) => `(({ ${f} }) => ${f}(x))(Math)`,
  (f) => `(() => { const { ${f}: g } = Math; return g(x); })()`,
  (f) => `((g) => g(x))(Math.${f})`,
  (f) => `[x].map(Math.${f})[0]`,
  (f) => `[x].map((y) => Math.${f}(y))[0]`,
  (f) => `[x].map(Math.${f}.bind(Math))[0]`,
  (f) => `Array.from([x], Math.${f})[0]`,
  (f) => `[[x]].map(([y]) => Math?.${f}?.(y))[0]`,
  (f) => `Math.${f}.call(null, x)`,
  (f) => `Math.${f}.apply(Math, [x])`,
  (f) => `Math.${f}.bind(null, x)()`,
  (f) => `Reflect.apply(Math.${f}, undefined, [x])`,
  (f) => `({ m: Math.${f} }).m(x)`,
  (f) => `new Map([['f', Math.${f}]]).get('f')(x)`,
  (f) => `Function.prototype.call.call(Math.${f}, null, x)`,
];

describe('functions of Math, however they are reached', () => {
  it.each(NAMES)('%s', { timeout: 30_000 }, async (name) => {
    const kinds = await Promise.all(
      WAYS.map(async (way) => {
        const { kind, ends } = await judge(`function run({ T }) { const x = T(0.5); return { n: ${way(name)} }; }`);
        return kind === 'different' || kind === 'broken' ? { way: way(name), ...ends } : kind;
      }),
    );
    expect(kinds.filter((kind) => typeof kind !== 'string')).toEqual([]);
  });
});
