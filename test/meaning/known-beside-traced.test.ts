import { it } from 'vitest';
import { expectEqual, expectRefused } from '../control-flow/programs.ts';

/** Texts, null and undefined beside a traced number: what number JavaScript makes of them is known. */
it.each([
  [
    'less and greater than a text',
    "return { n: [T(3) < '4', T(10) < '9', '2' < T(3), T(3) >= '0x3', T(3) > ' 2 ', '' < T(1)] };",
  ],
  ['than a text of no number', "return { n: [T(3) < 'a', T(3) >= 'a'] };"],
  ['a truth value and a text', "return { n: [(T(3) > 1) < '2', I(3) < '4'] };"],
  ['arithmetic with texts', "return { n: [T(3) * '4', '12' / T(3), T(7) % '4', T(2) ** '3', 5 - T(1) - '2'] };"],
  [
    'with null and undefined',
    'return { n: [T(3) - null, T(3) + null, T(3) * null, T(2) ** null], is: [T(3) * undefined, undefined + T(2), I(3) - undefined].map((v) => v !== v) };',
  ],
  ['of bits', "return { n: [T(3) | null, T(3) & undefined, T(3.5) ^ '6', T(3) << '2'] };"],
  [
    'functions of Math',
    "return { n: [Math.max(T(1), null), Math.max(T(1), '5'), isNaN(Math.min(T(1), undefined)) ? 1 : 0, Math.pow(T(2), '3'), Math.hypot(T(3), '4')] };",
  ],
])('%s', (_, body) => expectEqual(body));

it.each([
  ['a text that is joined to', "return { n: Number(T(3) + '4') };", /is joined to a text/],
  ['tensors', 'return { n: (V([1, 2]) * null).length ?? 0 };', /null cannot be used as a tensor/],
])('%s are refused', (_, body, reason) => expectRefused(body, reason));
