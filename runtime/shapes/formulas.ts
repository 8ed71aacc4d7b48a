import { keyOf } from '../graph/key.ts';
/** The size of a dimension as a function of free sizes: a constant plus a sum of products. */
export interface DimFormula {
  readonly constant: number;
  readonly terms: readonly { readonly coefficient: number; readonly symbols: readonly string[] }[];
}

/** Sizes of symbols; null where not yet known. */
export type Sizes = ReadonlyMap<string, number | null>;

export function constant(value: number): DimFormula {
  return { constant: value, terms: [] };
}

export function symbol(name: string): DimFormula {
  return { constant: 0, terms: [{ coefficient: 1, symbols: [name] }] };
}

export function sum(...parts: readonly DimFormula[]): DimFormula {
  const terms = new Map<string, { coefficient: number; symbols: readonly string[] }>();
  for (const { coefficient, symbols } of parts.flatMap((part) => part.terms)) {
    const key = keyOf(...symbols);
    terms.set(key, { coefficient: (terms.get(key)?.coefficient ?? 0) + coefficient, symbols });
  }
  return {
    constant: parts.reduce((total, part) => total + part.constant, 0),
    terms: [...terms.values()].filter(({ coefficient }) => coefficient !== 0),
  };
}

export function product(...factors: readonly DimFormula[]): DimFormula {
  return factors.reduce((left, right) => {
    const parts = summands(left).flatMap((one) =>
      summands(right).map((other): DimFormula => {
        const coefficient = one.coefficient * other.coefficient;
        const symbols = [...one.symbols, ...other.symbols].sort();
        return symbols.length === 0 ? constant(coefficient) : { constant: 0, terms: [{ coefficient, symbols }] };
      }),
    );
    return sum(...parts);
  }, constant(1));
}

function summands({ constant, terms }: DimFormula): DimFormula['terms'] {
  return constant === 0 ? terms : [{ coefficient: constant, symbols: [] }, ...terms];
}

/** The formula with other formulas in the place of some of its symbols. */
export function substitute(formula: DimFormula, replaced: ReadonlyMap<string, DimFormula>): DimFormula {
  const terms = formula.terms.map(({ coefficient, symbols }) =>
    product(constant(coefficient), ...symbols.map((name) => replaced.get(name) ?? symbol(name))),
  );
  return sum(constant(formula.constant), ...terms);
}

export function symbolsOf({ terms }: DimFormula): string[] {
  return [...new Set(terms.flatMap(({ symbols }) => symbols))];
}

/** The symbol of a formula that is nothing but a symbol; null for any other formula. */
export function soleSymbol({ constant, terms }: DimFormula): string | null {
  const [term] = terms;
  const isSole = constant === 0 && terms.length === 1 && term!.coefficient === 1 && term!.symbols.length === 1;
  return isSole ? term!.symbols[0]! : null;
}

/** Null if a size that it depends on is not known, or if it would be negative. */
export function evaluate({ constant, terms }: DimFormula, sizes: Sizes): number | null {
  let total = constant;
  for (const { coefficient, symbols } of terms) {
    let value = coefficient;
    for (const name of symbols) {
      const size = sizes.get(name) ?? null;
      if (size === null) return null;
      value *= size;
    }
    total += value;
  }
  return total < 0 ? null : total;
}

/**
 * What the name of a free dimension says: exporters write sums and products out (`past + sequence`, `2*s77`).
 * Any other name (`batch`, `s77//2`) is a symbol of its own.
 */
export function parse(name: string): DimFormula {
  const parts = name.split('+').map((part) => part.split('*').map((factor) => factor.trim()));
  if (!parts.flat().every((factor) => /^[\w.:-]+$/.test(factor))) return symbol(name);
  return sum(
    ...parts.map((factors) =>
      product(...factors.map((factor) => (/^\d+$/.test(factor) ? constant(Number(factor)) : symbol(factor)))),
    ),
  );
}
