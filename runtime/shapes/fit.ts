import { constant, type DimFormula, product, sum, symbol } from './formulas.ts';

/** How many free choices a formula may make: with more of them, some formula would fit any sizes by chance. */
const MOST = 3;

/** A term or factor of a formula with its value in each probe. */
interface Part {
  readonly formula: DimFormula;
  readonly values: readonly number[];
  readonly symbols: number;
}

/**
 * Finds the simplest formula for the sizes that one dimension had in several probes: a constant, a multiple of a
 * product of symbols, a multiple of a symbol or of the sum of two with a constant added, or a symbol times such a sum.
 * Null if none fits, or if two equally simple ones fit.
 * @param probes the sizes of all symbols in each probe
 */
export function fitter(
  symbols: readonly string[],
  probes: readonly ReadonlyMap<string, number>[],
): (sizes: readonly number[]) => DimFormula | null {
  const products = productsOf(symbols, probes);
  const sums = sumsOf(symbols, probes);
  const found = new Map<string, DimFormula | null>();
  return (sizes) => {
    const key = sizes.join();
    if (!found.has(key)) found.set(key, simplest(candidates(sizes, products, sums)));
    return found.get(key)!;
  };
}

function simplest(fits: readonly { readonly cost: number; readonly formula: DimFormula }[]): DimFormula | null {
  const least = Math.min(...fits.map(({ cost }) => cost));
  const best = fits.filter(({ cost }) => cost === least);
  return best.length === 1 ? best[0]!.formula : null;
}

function candidates(sizes: readonly number[], products: readonly Part[], sums: readonly Part[]) {
  const fits: { cost: number; formula: DimFormula }[] = [];
  for (const factor of products) {
    const rest = quotients(sizes, factor.values);
    if (rest === null) continue;
    const known = rest.filter((size) => size !== null);
    if (known.every((size) => size === known[0])) {
      fits.push({ cost: factor.symbols, formula: product(constant(known[0]!), factor.formula) });
      continue;
    }
    for (const addend of sums) {
      const line = straight(rest, addend.values);
      // A multiple of one symbol is among the products.
      if (line === null || (line.offset === 0 && addend.symbols === 1)) continue;
      const cost = factor.symbols + addend.symbols + (line.offset === 0 ? 0 : 1);
      const formula = sum(product(constant(line.slope), addend.formula), constant(line.offset));
      if (cost <= MOST) fits.push({ cost, formula: product(factor.formula, formula) });
    }
  }
  return fits;
}

/** Each size divided by a factor: null if the factor is 0 and tells nothing; null for all if it does not divide them. */
function quotients(sizes: readonly number[], factors: readonly number[]): (number | null)[] | null {
  const fits = sizes.every((size, i) => (factors[i] === 0 ? size === 0 : size % factors[i]! === 0));
  return fits ? sizes.map((size, i) => (factors[i] === 0 ? null : size / factors[i]!)) : null;
}

/** The line `slope * x + offset` through all points, where its slope is a positive whole number. At least three points must tell. */
function straight(
  ys: readonly (number | null)[],
  xs: readonly number[],
): { readonly slope: number; readonly offset: number } | null {
  const points = ys.flatMap((y, i) => (y === null ? [] : [{ x: xs[i]!, y }]));
  const [first] = points;
  const other = points.find(({ x }) => x !== first!.x);
  if (points.length < 3 || other === undefined) return null;
  const slope = (other.y - first!.y) / (other.x - first!.x);
  const offset = first!.y - slope * first!.x;
  if (slope <= 0 || !Number.isInteger(slope)) return null;
  return points.every(({ x, y }) => y === slope * x + offset) ? { slope, offset } : null;
}

/** All products of up to three symbols. */
function productsOf(symbols: readonly string[], probes: readonly ReadonlyMap<string, number>[]): Part[] {
  const one: Part = { formula: constant(1), values: probes.map(() => 1), symbols: 0 };
  const extend = (parts: readonly (readonly [Part, number])[]) =>
    parts.flatMap(([part, first]) =>
      symbols.slice(first).map((name, i): readonly [Part, number] => {
        const values = part.values.map((value, probe) => value * probes[probe]!.get(name)!);
        return [{ formula: product(part.formula, symbol(name)), values, symbols: part.symbols + 1 }, first + i];
      }),
    );
  const single = extend([[one, 0]]);
  const double = extend(single);
  return [one, ...[...single, ...double, ...extend(double)].map(([part]) => part)];
}

/** All symbols, and all sums of two. */
function sumsOf(symbols: readonly string[], probes: readonly ReadonlyMap<string, number>[]): Part[] {
  return symbols.flatMap((name, i) => {
    const values = probes.map((probe) => probe.get(name)!);
    const single = { formula: symbol(name), values, symbols: 1 };
    const pairs = symbols.slice(i + 1).map((other) => ({
      formula: sum(symbol(name), symbol(other)),
      values: probes.map((probe) => probe.get(name)! + probe.get(other)!),
      symbols: 2,
    }));
    return [single, ...pairs];
  });
}
