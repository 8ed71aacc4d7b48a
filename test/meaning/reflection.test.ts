import { it } from 'vitest';
import { expectEqual, expectRefused } from '../control-flow/programs.ts';

/** What a program asks about a value as about an object: a traced number is none. */
it.each([
  [
    'its constructor',
    "const { constructor } = T(3); const t = T(3); return { n: [constructor === Number, t['constructor'] === Number, t?.constructor === Number, (t > 1).constructor === Boolean] };",
  ],
  [
    'its prototype',
    'return { n: [Object.getPrototypeOf(T(3)) === Number.prototype, Object.getPrototypeOf(T(3) > 1) === Boolean.prototype, T(3).__proto__ === Number.prototype] };',
  ],
  [
    'whether it is frozen',
    'const o = Object.freeze({ a: T(1) }); return { n: [Object.isFrozen(T(3)), Object.isSealed(T(3)), Object.isExtensible(T(3)), Object.isFrozen(o), Object.isFrozen([T(1)])] };',
  ],
  ['to freeze it', 'return { n: Object.freeze(T(3)) + Object.seal(T(1)) };'],
  ['methods of numbers, called on it', 'return { n: Number.prototype.valueOf.call(T(3)) };'],
  [
    'its kind',
    "return { n: Object.prototype.toString.call(T(3)) === '[object Number]' ? 1 : 0, m: Object.prototype.toString.call([T(1)]) === '[object Array]' ? 1 : 0 };",
  ],
  ['objects that hold it', 'return { n: Object({ a: T(2) }).a + Object([T(1)])[0] };'],
])('%s', (_, body) => expectEqual(body));

it.each([
  ['Object()', 'return { n: typeof Object(T(3)) === "object" ? 1 : 0 };', /Object\(\) asks for an object/],
  ['new Object()', 'return { n: new Object(T(3)) + 1 };', /new Object\(\) is given a traced tensor/],
  [
    'Reflect.has()',
    "let n = 0; if (T(1) > 2) n = Reflect.has(T(3), 'mean') ? 1 : 2; return { n };",
    /Reflect\.has\(\) asks for an object/,
  ],
  [
    'Reflect.ownKeys()',
    'let n = 0; if (T(1) > 2) n = Reflect.ownKeys(T(3)).length; return { n };',
    /Reflect\.ownKeys\(\) asks for an object/,
  ],
  ['toFixed()', 'return { n: Number.prototype.toFixed.call(T(3), 2).length };', /is given to toFixed\(\)/],
])('%s is refused', (_, body, reason) => expectRefused(body, reason));
