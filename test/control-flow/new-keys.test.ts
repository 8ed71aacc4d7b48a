import { describe, it } from 'vitest';
import { expectEqual, expectRefused } from './programs.ts';

/** Functions of JavaScript that give an object a property which it did not have, on both sides of a traced condition. */
const both = (there: string, one: string, other: string, result: string) =>
  `${there} if (T(2) > 0) ${one} else ${other} return { r: ${result} };`;

describe('a new property that both sides give', () => {
  it.each([
    ['Object.assign', both('const t = {};', 'Object.assign(t, { p: 1 });', 'Object.assign(t, { p: 2 });', 't.p')],
    [
      'Object.assign of several sources',
      both(
        'const t = { z: 1 };',
        'Object.assign(t, { p: 1 }, { y: 4 });',
        'Object.assign(t, { p: 7, y: 2 });',
        't.p + t.y',
      ),
    ],
    [
      'Object.assign to an array',
      both('const t = [];', 'Object.assign(t, [1, 2]);', 'Object.assign(t, [3, 4]);', 't[1]'),
    ],
    [
      'Object.assign to a function',
      both('const t = () => 1;', 'Object.assign(t, { p: 1 });', 'Object.assign(t, { p: 2 });', 't.p'),
    ],
    ['Reflect.set', both('const t = {};', `Reflect.set(t, 'p', 1);`, `Reflect.set(t, 'p', 2);`, 't.p')],
    ['one of two objects', `let o = { p: 1 }; if (T(2) === 0) o = { p: 3 }; return { r: Object.assign({}, o).p };`],
    [
      'one of two objects, in a constructor',
      `let o = { p: 1 }; if (T(2) === 0) o = { p: 3 }; class A { constructor(v) { Object.assign(this, v); } } return { r: new A(o).p };`,
    ],
  ])('%s', (_, body) => expectEqual(body));

  it('by a method of arrays', () =>
    expectRefused(
      both('const t = { length: 0 };', '[].push.call(t, 5);', '[].push.call(t, 6);', 't[0]'),
      /push\(\) changes an object from outside/,
    ));
});

describe('one of two objects as the key of what does not tell its keys', () => {
  const o = 'let o = { p: 1 }; if (T(2) === 0) o = { p: 3 };';

  it.each([
    ['WeakMap', `const w = new WeakMap([[o, 5]]); return { r: w.get(o) ?? -1 };`],
    ['WeakSet', `const w = new WeakSet([o]); return { r: w.has(o) ? 1 : 0 };`],
    ['a class of its own', `class W extends WeakSet {} return { r: new W([o]).has(o) ? 1 : 0 };`],
  ])('%s', (_, body) => expectRefused(`${o} ${body}`, /depending on a traced condition/));
});
