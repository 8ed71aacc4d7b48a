import { describe, it } from 'vitest';
import { expectEqual } from './programs.ts';

/** ONNX nests 100 messages at most, three for a branch: what is written one after another must not stand one in another. */
const COUNT = 150;

function each(write: (index: number) => string, separator = '\n'): string {
  return Array.from({ length: COUNT }, (_, index) => write(index)).join(separator);
}

describe.each([-1, 70, 149, 1000])('long programs that decide on %i', (value) => {
  it.each([
    [
      'returns one after another',
      `const f = (x) => { ${each((i) => `if (x < ${i}) return ${i};`)} return -1; }; return { n: f(T(${value})) };`,
    ],
    [
      'returns with variables between them',
      `const f = (x) => { let s = 0; ${each((i) => `const k${i} = x + ${i}, d${i} = ${i}; s += d${i}; if (k${i} > 200) return s;`)} return k0 + s; }; return { n: f(T(${value})) };`,
    ],
    [
      'continues one after another',
      `let n = 0; for (const i of [1, 2]) { ${each((i) => `if (T(${value}) < ${i}) continue; n += i;`)} } return { n };`,
    ],
    [
      'a switch',
      `let n = 0; switch (T(${value})) { ${each((i) => `case ${i}: n += ${i}; ${i % 3 === 0 ? 'break;' : ''}`)} default: n += 5; } return { n };`,
    ],
    [
      '&& and ||',
      `const x = T(${value}); return { n: ${each((i) => `x > ${i - 200}`, ' && ')} ? 1 : 0, m: ${each((i) => `x < -${i + 2}`, ' || ')} ? 1 : 0 };`,
    ],
    ['??', `let u; if (T(${value}) > 100) u = 1; return { n: ${each(() => 'u', ' ?? ')} ?? 5 };`],
    [
      'functions that are declared behind returns',
      `const f = (x) => { ${each((i) => `if (x < ${i}) return late() + ${i};`)} return late(); function late() { return more; } var more = 3; }; return { n: (f(T(${value})) ?? 0) > -5 ? 1 : 0 };`,
    ],
  ])('%s', { timeout: 60_000 }, (_, body) => expectEqual(body));
});
