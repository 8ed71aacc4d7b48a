import { isKeyValue } from '../inputs/convention.ts';
import { soleSymbol, substitute, symbol } from './formulas.ts';
import { type InputSizes, symbolsIn } from './input-sizes.ts';

/** The meaning of a free size: rows of a batch, positions, cached positions, or the extent of a picture or signal. */
type Role = 'rows' | 'length' | 'past' | 'extent';

/**
 * Two sizes for each symbol of a role, the smallest it may have, and one more for models that refuse the smallest.
 * Some grow from the first to the second and some shrink, so that a size that depends on one symbol cannot look as if it
 * depended on another. The differences have no common factor, so that rounding to a multiple shows. A past and a length
 * together stay within 64, the length of small position tables.
 */
const SIZES: Readonly<Record<Role, readonly (readonly [number, number, number, number])[]>> = {
  rows: [
    [3, 2, 1, 1],
    [5, 7, 1, 1],
    [11, 4, 1, 1],
  ],
  length: [
    [11, 34, 1, 20],
    [29, 8, 1, 16],
    [13, 47, 1, 30],
    [53, 18, 1, 31],
    [17, 41, 1, 24],
    [37, 14, 1, 22],
  ],
  past: [
    [23, 6, 0, 9],
    [19, 2, 0, 7],
  ],
  extent: [
    [67, 196, 131, 131],
    [194, 71, 127, 127],
    [89, 162, 101, 101],
    [151, 78, 137, 137],
  ],
};

/** The same for extents that must be multiples of `MULTIPLE`. */
const MULTIPLES: Readonly<typeof SIZES.extent> = [
  [96, 256, 160, 128],
  [224, 64, 128, 192],
  [128, 352, 192, 160],
  [288, 160, 224, 96],
];

/** How fussy a model is about the sizes of pictures and signals. */
interface Scale {
  /** Convolutions leave nothing of a short signal. */
  readonly isLarge?: boolean;
  /** All extents are one size. */
  readonly isEqual?: boolean;
  /** Extents are halved and doubled again. */
  readonly isMultiple?: boolean;
}
export const SCALES: readonly Scale[] = [
  {},
  { isLarge: true },
  { isLarge: true, isEqual: true },
  { isLarge: true, isMultiple: true },
  { isLarge: true, isEqual: true, isMultiple: true },
];

/** The number that sizes are multiples of, for models that need multiples. */
const MULTIPLE = 32;

export interface Probes {
  /** As it was, or with one symbol for all that have one size. */
  readonly inputs: InputSizes;
  /** Three sets of sizes, and another one in case the third does not fit the model. */
  readonly sizes: readonly ReadonlyMap<string, number>[];
  /** Symbols whose sizes are all multiples of a number: the probes say nothing about other sizes. */
  readonly multiples: ReadonlyMap<string, number>;
}

export function probesFor(given: InputSizes, { isLarge, isEqual, isMultiple }: Scale): Probes {
  const inputs = isEqual ? withOneExtent(given) : given;
  const roles = [...rolesIn(inputs)].map(([name, role]): [string, Role] => [
    name,
    role === 'length' && isLarge ? 'extent' : role,
  ]);
  const used: Record<Role, number> = { rows: 0, length: 0, past: 0, extent: 0 };
  const rows = roles.map(([name, role]): [string, readonly number[]] => {
    const table = role === 'extent' && isMultiple ? MULTIPLES : SIZES[role];
    // More symbols than rows: some look alike, and sizes that depend on them have no formula.
    return [name, table[used[role]++ % table.length]!];
  });
  return {
    inputs,
    sizes: [0, 1, 2, 3].map((probe) => new Map(rows.map(([name, row]) => [name, row[probe]!]))),
    multiples: new Map(
      isMultiple ? roles.flatMap(([name, role]) => (role === 'extent' ? [[name, MULTIPLE]] : [])) : [],
    ),
  };
}

function withOneExtent(inputs: InputSizes): InputSizes {
  const [first, ...others] = [...rolesIn(inputs)].flatMap(([name, role]) =>
    role === 'extent' || role === 'length' ? [name] : [],
  );
  const replaced = new Map(others.map((name) => [name, symbol(first!)]));
  return new Map([...inputs].map(([name, dims]) => [name, dims.map((dim) => substitute(dim, replaced))]));
}

function rolesIn(inputs: InputSizes): Map<string, Role> {
  const roles = new Map<string, Role>(symbolsIn(inputs).map((name) => [name, 'length']));
  for (const [input, dims] of inputs) {
    dims.forEach((dim, i) => {
      const name = soleSymbol(dim);
      if (name === null || roles.get(name) !== 'length') return;
      if (i === 0) roles.set(name, 'rows');
      else if (isKeyValue(input)) roles.set(name, 'past');
      else if (dims.length > 3 && i > 1) roles.set(name, 'extent');
    });
  }
  return roles;
}
