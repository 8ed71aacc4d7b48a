import type { Constructs } from '../construct.ts';

/** A traced value where JavaScript looks at it at once. */
export const lookups: Constructs = {
  numbers: [
    { name: 'indexOf a traced number', draw: (at) => `[1, 2, 3].indexOf(T(${at.literal()}))` },
    { name: 'Map.get of a number', draw: (at) => `(new Map([[2, 5]]).get(${at.number()}) ?? -1)` },
    { name: 'an array at a traced place', draw: (at) => `[4, 6, 8][I(${at.random.below(3)})]` },
    {
      name: 'an array at a traced place that may be none',
      draw: (at) => `([4, 6, 8][I(${at.literal()})] ?? ${at.number()})`,
    },
    { name: 'filter(Boolean)', draw: (at) => `[0, ${at.plain()}].filter(Boolean).length` },
    { name: 'new Array of a length', draw: (at) => `new Array(Math.abs(${at.plain()})).length` },
    { name: 'const { max } = Math', draw: (at) => `(({ max }) => max(${at.number()}, 1))(Math)` },
    { name: 'find', draw: (at) => `([1, 2, 3].find((v) => v > ${at.number()}) ?? -1)` },
    { name: 'findIndex', draw: (at) => `[1, 2, 3].findIndex((v) => v > ${at.number()})` },
    { name: 'a key made of a text', draw: (at) => `({ k0: 4, k1: 5 })[\`k\${Math.abs(${at.plain()} % 2)}\`]` },
    { name: 'filter', draw: (at) => `[1, 2, 3].filter((v) => v > ${at.number()}).length` },
    { name: 'sort', draw: (at) => `[3, ${at.number()}, 2].sort((a, b) => a - b)[0]` },
  ],
  conditions: [
    { name: 'includes of a traced number', draw: (at) => `[1, 2, 3].includes(T(${at.literal()}))` },
    { name: 'Set.has of a number', draw: (at) => `new Set([2]).has(${at.number()})` },
    { name: 'typeof a traced number', draw: () => `typeof T(2) === 'number'` },
    { name: 'Object.is', draw: (at) => `Object.is(${at.number()}, 2)` },
    { name: 'Number.isInteger', draw: (at) => `Number.isInteger(${at.plain()})` },
    { name: 'Boolean()', draw: (at) => `Boolean(${at.plain()})` },
    { name: 'some', draw: (at) => `[1, 2].some((v) => v > ${at.number()})` },
    { name: 'every', draw: (at) => `[1, 2].every((v) => v > ${at.number()})` },
  ],
};
