import { it } from 'vitest';
import { expectRefused } from '../control-flow/programs.ts';

it.each([
  ['a position in a text', "return { n: 'abc'.slice(T(1)).length };", 'slice\\(\\) wants a number'],
  ['a count', "return { n: 'abc'.repeat(T(2)).length };", 'repeat\\(\\) wants a number'],
  ['a text to find', "return { n: 'abc'.includes(T(1)) ? 1 : 0 };", 'includes\\(\\) wants a text'],
  ['a text to match', 'return { n: /1/.test(T(1)) ? 1 : 0 };', 'test\\(\\) wants a text'],
  ['elements of a list', 'return { n: [T(1)].join().length };', 'join\\(\\) wants a text'],
  ['a date', 'return { n: new Date(T(1)).getTime() };', 'new Date\\(\\) wants a number'],
  [
    'elements of a new typed array',
    'return { n: new Float32Array([T(1)])[0] };',
    'new Float32Array\\(\\) wants a number',
  ],
  ['what fills one', 'return { n: new Float32Array(2).fill(T(1))[0] };', 'fill\\(\\) wants a number'],
  [
    'an element of one, set',
    'const a = new Float32Array(2); a[0] = T(1); return { n: a[0] };',
    'An element of a Float32Array is set to a value of a trace',
  ],
])(
  'what JavaScript wants a value for is named, and the code around it is not said to be uncompiled: %s',
  (_, body, says) => expectRefused(body, new RegExp(`program\\.js:\\d+:\\d+ - (?!.*not compiled)${says}`)),
);
