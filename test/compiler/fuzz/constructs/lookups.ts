import type { Constructs } from '../construct.ts';

/** A traced value where JavaScript looks at it at once. */
export const lookups: Constructs = {
  numbers: [
    { name: 'indexOf a traced number', draw: (at) => `[1, 2, 3].indexOf(T(${at.literal()}))` },
    {
      name: 'Map.get of a traced number',
      onlyPlain: true,
      draw: (at) => `(new Map([[2, 5]]).get(T(${at.literal()})) ?? -1)`,
    },
    { name: 'an array at a traced place', draw: (at) => `[4, 6, 8][I(${at.random.below(3)})]` },
    { name: 'filter(Boolean)', onlyPlain: true, draw: (at) => `[T(0), ${at.number()}].filter(Boolean).length` },
    { name: 'new Array of a traced length', onlyPlain: true, draw: () => 'new Array(T(3)).length' },
    { name: 'const { max } = Math', draw: (at) => `(({ max }) => max(${at.number()}, 1))(Math)` },
    { name: 'find', onlyPlain: true, draw: (at) => `([1, 2, 3].find((v) => v > ${at.leaf()}) ?? -1)` },
    { name: 'a key made of a text', draw: (at) => `({ k0: 4, k1: 5 })[\`k\${${at.find('plain') ?? 1} % 2}\`]` },
    {
      name: 'an entry of a Set or Map by a traced number',
      onlyPlain: true,
      draw: (at) => `(new Set([${at.leaf()}]).has(2) ? 1 : 0)`,
    },
  ],
  conditions: [
    { name: 'includes of a traced number', draw: (at) => `[1, 2, 3].includes(T(${at.literal()}))` },
    { name: 'Set.has of a traced number', onlyPlain: true, draw: (at) => `new Set([2]).has(T(${at.literal()}))` },
    { name: 'typeof a traced number', draw: () => `typeof T(2) === 'number'` },
    { name: 'Object.is', onlyPlain: true, draw: (at) => `Object.is(${at.leaf()}, 2)` },
    { name: 'Number.isInteger', onlyPlain: true, draw: (at) => `Number.isInteger(${at.leaf()})` },
  ],
};
