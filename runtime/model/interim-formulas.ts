/** A size as a function of named sizes: a constant, a product with a coefficient (2·batch·sequence), or a sum (past + sequence). */
export interface DimFormula {
  readonly constant: number;
  readonly terms: readonly { readonly coefficient: number; readonly symbols: readonly string[] }[];
}

/** Sizes by name; null where one is not known yet. */
export type Sizes = ReadonlyMap<string, number | null>;

/** What a formula gives for some sizes; null where it depends on an unknown one. */
export function evaluate({ constant, terms }: DimFormula, sizes: Sizes): number | null {
  let sum = constant;
  for (const { coefficient, symbols } of terms) {
    let product = coefficient;
    for (const symbol of symbols) {
      const size = sizes.get(symbol) ?? null;
      if (size === null) return null;
      product *= size;
    }
    sum += product;
  }
  return sum;
}

/** A formula of one symbol. */
export function symbolFormula(symbol: string): DimFormula {
  return { constant: 0, terms: [{ coefficient: 1, symbols: [symbol] }] };
}

/** The simplest formula that gives the right size in every probe: undefined if there is none. */
export function fitFormula(
  observed: readonly number[],
  probes: readonly Sizes[],
  symbols: readonly string[],
): DimFormula | undefined {
  if (observed.every((size) => size === observed[0])) return { constant: observed[0]!, terms: [] };
  return candidates(observed[0]!, probes[0]!, symbols).find((formula) =>
    probes.every((probe, i) => evaluate(formula, probe) === observed[i]),
  );
}

/** Formulas that give `size` in one probe, the simplest first. */
function candidates(size: number, probe: Sizes, symbols: readonly string[]): DimFormula[] {
  const subsets = subsetsOf(symbols, 3);
  const products = subsets.flatMap((subset): DimFormula[] => {
    const product = subset.reduce((value, symbol) => value * probe.get(symbol)!, 1);
    return size % product === 0 ? [{ constant: 0, terms: [{ coefficient: size / product, symbols: subset }] }] : [];
  });
  const sums = subsets.flatMap((subset): DimFormula[] => {
    const sum = subset.reduce((value, symbol) => value + probe.get(symbol)!, 0);
    const terms = subset.map((symbol) => ({ coefficient: 1, symbols: [symbol] }));
    return Math.abs(size - sum) <= MAX_CONSTANT ? [{ constant: size - sum, terms }] : [];
  });
  return [...products, ...sums];
}

/** What a model adds to a sum of sizes: a class token, a start token. */
const MAX_CONSTANT = 4;

/** The subsets of up to `most` symbols, the smallest first. */
function subsetsOf(symbols: readonly string[], most: number): string[][] {
  let subsets: string[][] = [[]];
  for (const symbol of symbols) {
    subsets = [...subsets, ...subsets.filter(({ length }) => length < most).map((subset) => [...subset, symbol])];
  }
  return subsets.filter(({ length }) => length > 0).sort((a, b) => a.length - b.length);
}
