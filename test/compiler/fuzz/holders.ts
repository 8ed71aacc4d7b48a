import type { Type } from './construct.ts';
import type { Draw } from './draw.ts';

/** A kind of variable: how one is made at the front of a program, and what is read of it at its end. */
interface Holder {
  make(at: Draw): string;
  read(name: string): readonly string[];
}

const one = (name: string): readonly string[] => [name];
const none = (): readonly string[] => [];

export const HOLDERS: Readonly<Record<Type, Holder>> = {
  number: { make: (at) => at.random.pick([`T(${at.literal()})`, at.literal()]), read: one },
  value: { make: (at) => `T(${at.literal()})`, read: one },
  plain: { make: (at) => String(at.random.below(4)), read: none },
  maybe: { make: (at) => at.random.pick(['undefined', at.literal()]), read: (m) => [`${m} ?? 77`] },
  list: { make: (at) => `[${at.leaf()}, ${at.leaf()}, ${at.literal()}]`, read: (a) => [a, `${a}[1]`, `${a}.length`] },
  grown: { make: (at) => `[${at.leaf()}]`, read: (a) => [a, `${a}.length`] },
  records: {
    make: (at) => `[{ p: ${at.leaf()}, q: ${at.literal()} }]`,
    read: (a) => [`${a}.length`, `${a}[0].p`, `${a}.at(-1).q`],
  },
  object: { make: (at) => `{ p: ${at.leaf()}, q: ${at.literal()} }`, read: (o) => [`${o}.p`, `${o}.q`] },
  dict: {
    make: (at) => `{ a: ${at.leaf()}, b: ${at.literal()} }`,
    read: (d) => [`Object.keys(${d}).length`, ...['a', 'b', 'c'].map((key) => `${d}.${key} ?? 77`)],
  },
  map: {
    make: (at) => `new Map([[0, ${at.leaf()}], [1, ${at.literal()}]])`,
    read: (m) => [`${m}.size`, ...[0, 1, 2, 3].map((key) => `${m}.get(${key}) ?? 77`)],
  },
  set: { make: () => 'new Set([0, 2])', read: (s) => [`${s}.size`, `${s}.has(1) ? 1 : 0`, `${s}.has(2) ? 1 : 0`] },
  instance: {
    make: (at) => `new ${at.random.pick(['Cell', 'Double'])}(${at.leaf()})`,
    read: (i) => [`${i}.v`, `${i}.total`, `${i}.extra ?? 77`, 'Cell.made'],
  },
  counter: { make: (at) => `counter(${at.leaf()})`, read: (c) => [`${c}.get()`] },
  typed: { make: () => 'new Float32Array([1, 2, 3])', read: (t) => [`${t}[0]`, `${t}[2]`] },
  saved: { make: (at) => `save(${at.leaf()})`, read: one },
  rows: { make: (at) => `V([${at.literal()}, ${at.literal()}, ${at.literal()}])`, read: none },
};
