import { type DimFormula, type Sizes, symbolFormula } from './interim-formulas.ts';
import type { ModelTensor, OnnxModel } from './read.ts';

/** The dims of a model's inputs in terms of the sizes that may vary. */
export interface InputFormulas {
  readonly symbols: readonly string[];
  /** The symbol of dimension 0 of the first input; null where it is fixed. */
  readonly batch: string | null;
  readonly dims: ReadonlyMap<string, readonly DimFormula[]>;
}

/**
 * Names the free dims of a model's inputs. A name that is a sum (`past + sequence`) stands for its parts, and so does
 * the attention mask's length by the published convention of language models. Dims without a name are the rows of the
 * batch in dimension 0, and a size of their own elsewhere.
 */
export function inputFormulas(model: OnnxModel): InputFormulas {
  const symbols = new Set<string>();
  const symbol = (name: string): DimFormula => {
    symbols.add(name);
    return symbolFormula(name);
  };
  const free = (input: ModelTensor, dim: string | null, axis: number): DimFormula => {
    if (dim === null) return symbol(axis === 0 ? 'batch' : `${input.name}.${axis}`);
    const parts = dim.split('+').map((part) => part.trim());
    return parts.length === 1 ? symbol(dim) : sum(parts.map((part) => partFormula(part, symbol)));
  };
  const dims = new Map<string, DimFormula[]>();
  const ordered = [...model.inputs].sort((a, b) => Number(isMask(a)) - Number(isMask(b)));
  for (const input of ordered) {
    if (!input.dims) continue;
    const past = dims.get([...dims.keys()].find((name) => name.startsWith('past_key_values')) ?? '')?.at(-2);
    const sequence = dims.get('input_ids')?.[1];
    dims.set(
      input.name,
      input.dims.map((dim, axis) => {
        if (typeof dim === 'number') return { constant: dim, terms: [] };
        if (isMask(input) && axis === 1 && sequence) return past ? sum([past, sequence]) : sequence;
        return free(input, dim, axis);
      }),
    );
  }
  const first = model.inputs[0] && dims.get(model.inputs[0].name)?.[0];
  return { symbols: [...symbols], batch: first?.terms[0]?.symbols[0] ?? null, dims };
}

function isMask({ name, dims }: ModelTensor): boolean {
  return name === 'attention_mask' && dims?.length === 2;
}

function partFormula(part: string, symbol: (name: string) => DimFormula): DimFormula {
  return /^\d+$/.test(part) ? { constant: Number(part), terms: [] } : symbol(part);
}

function sum(parts: readonly DimFormula[]): DimFormula {
  return {
    constant: parts.reduce((total, { constant }) => total + constant, 0),
    terms: parts.flatMap(({ terms }) => terms),
  };
}

/** Different primes for every size in two probes, so that products and sums of them can be told apart. */
const PRIMES = [
  [3, 5, 7, 17, 19, 23, 29],
  [2, 11, 13, 31, 37, 41, 43],
] as const;
/** What comes after the primes, for models of very many free sizes. */
const MORE = 47;

/** Sets of sizes to try. The last is small: what works out otherwise for a size of 1 must not be taken for a rule. */
export function probeSizes({ symbols, batch }: InputFormulas, scale: number): Sizes[] {
  const large = PRIMES.map((primes, probe) => {
    const size = (i: number) => primes[i] ?? MORE + 2 * (i * 2 + probe);
    return new Map(symbols.map((symbol, i) => [symbol, size(i) * (symbol === batch ? 1 : scale)]));
  });
  const small = new Map(symbols.map((symbol) => [symbol, symbol === batch ? 1 : scale]));
  return [...large, small];
}
