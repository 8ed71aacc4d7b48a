import {
  ATTENTION_MASK,
  EMBEDDINGS,
  isKeyValue,
  POSITION_IDS,
  TOKEN_IDS,
  TOKEN_TYPE_IDS,
} from '../inputs/convention.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { ModelTensor } from '../onnx/model-tensor.ts';
import {
  constant,
  type DimFormula,
  evaluate,
  parse,
  type Sizes,
  soleSymbol,
  substitute,
  sum,
  symbol,
  symbolsOf,
} from './formulas.ts';

/** The dimensions of a model's inputs (of those whose number of dimensions is fixed) as formulas of its free sizes. */
export type InputSizes = ReadonlyMap<string, readonly DimFormula[]>;

/**
 * How the sizes of inputs are related: `convention`: as in published language models, else by names only; `rows`: the
 * first dimension of all inputs is one size, whatever its names.
 */
export type Relation = 'convention' | 'names' | 'rows';
export const RELATIONS: readonly Relation[] = ['convention', 'names', 'rows'];

/** The inputs that rows are counted by, if a model has one of them. */
const MAIN = [TOKEN_IDS, EMBEDDINGS, 'pixel_values', 'input_features', 'input_values'];

export function mainInput(model: OnnxModel): ModelTensor | undefined {
  const ranked = model.inputs.filter(({ dims }) => dims !== null && dims.length > 0);
  return MAIN.map((name) => ranked.find((input) => input.name === name)).find((input) => input) ?? ranked[0];
}

export function inputSizes(model: OnnxModel, relation: Relation): InputSizes {
  const main = mainInput(model)?.dims?.[0];
  const rows = typeof main === 'string' ? main : 'batch';
  const named = new Map(
    model.inputs.flatMap(({ name, dims }) => {
      const sizes = dims?.map((dim, i) => {
        if (typeof dim === 'number' && dim >= 0) return constant(dim);
        if (typeof dim === 'string') return parse(dim);
        return symbol(i === 0 ? rows : `${name}:${i}`);
      });
      return sizes ? [[name, sizes] as const] : [];
    }),
  );
  if (relation === 'names') return named;
  const replaced = relation === 'rows' ? sameRows(named, rows) : conventional(named);
  return new Map([...named].map(([name, dims]) => [name, dims.map((dim) => substitute(dim, replaced))]));
}

/** The free sizes that the inputs' dimensions are made of. */
export function symbolsIn(inputs: InputSizes): string[] {
  return [...new Set([...inputs.values()].flat().flatMap(symbolsOf))];
}

function sameRows(inputs: InputSizes, rows: string): Map<string, DimFormula> {
  const firsts = [...inputs.values()].flatMap(([first]) => (first ? (soleSymbol(first) ?? []) : []));
  return new Map(firsts.map((name) => [name, symbol(rows)]));
}

/**
 * Published language models: the mask is [batch, past + sequence], positions and token types are [batch, sequence], the
 * cache is [batch, heads, past, features], under whatever names the file has for these sizes.
 */
function conventional(inputs: InputSizes): Map<string, DimFormula> {
  const main = inputs.get(TOKEN_IDS) ?? inputs.get(EMBEDDINGS);
  const replaced = new Map<string, DimFormula>();
  const [batch, sequence] = main?.slice(0, 2).map(soleSymbol) ?? [];
  if (!batch || !sequence) return replaced;
  const pasts = [...inputs].filter(([name, dims]) => isKeyValue(name) && dims.length === 4);
  const ofDecoder = pasts.filter(([name]) => !name.includes('.encoder.'));
  const past = ofDecoder.map(([, dims]) => soleSymbol(dims[2]!)).find((name) => name !== null) ?? null;
  const kept = new Set([batch, sequence, past]);
  const replace = (dim: DimFormula | undefined, by: DimFormula) => {
    const name = dim ? soleSymbol(dim) : null;
    if (name !== null && !kept.has(name)) replaced.set(name, by);
  };
  const total = past === null ? symbol(sequence) : sum(symbol(past), symbol(sequence));
  for (const [name, length] of [
    [ATTENTION_MASK, total],
    [POSITION_IDS, symbol(sequence)],
    [TOKEN_TYPE_IDS, symbol(sequence)],
  ] as const) {
    const dims = inputs.get(name);
    if (dims?.length !== 2) continue;
    replace(dims[0], symbol(batch));
    replace(dims[1], length);
  }
  for (const [, dims] of pasts) replace(dims[0], symbol(batch));
  for (const [, dims] of ofDecoder) if (past !== null) replace(dims[2], symbol(past));
  return replaced;
}

/**
 * The sizes of the symbols if inputs have the dimensions `given`: null for those that these do not determine, and for
 * those of a relation that they break.
 */
export function solve(inputs: InputSizes, given: Readonly<Record<string, readonly (number | null)[]>>): Sizes {
  const sizes = new Map<string, number | null>(symbolsIn(inputs).map((name) => [name, null]));
  const equations = [...inputs].flatMap(([name, dims]) =>
    dims.flatMap((formula, i) => {
      const size = given[name]?.[i] ?? null;
      return size === null ? [] : [{ formula, size }];
    }),
  );
  // Formulas with one unknown are solved first: they give the others their values.
  let open = equations;
  for (let before = open.length + 1; open.length < before; ) {
    before = open.length;
    open = open.filter((equation) => !settle(equation.formula, equation.size, sizes));
  }
  const broken = equations.filter(({ formula, size }) => (evaluate(formula, sizes) ?? size) !== size);
  for (const { formula } of broken) for (const name of symbolsOf(formula)) sizes.set(name, null);
  return sizes;
}

/** Solves a formula for its unknown symbol, if there is only one; false while there are several. */
function settle(formula: DimFormula, size: number, sizes: Map<string, number | null>): boolean {
  const unknown = formula.terms.filter(({ symbols }) => symbols.some((name) => sizes.get(name) === null));
  const [term] = unknown;
  if (!term) return true;
  if (unknown.length > 1 || term.symbols.length > 1) return false;
  const rest = evaluate({ ...formula, terms: formula.terms.filter((other) => other !== term) }, sizes);
  const value = rest === null ? null : (size - rest) / term.coefficient;
  // A negative or fractional size is not a size: these dimensions contradict each other.
  if (value !== null && value >= 0 && Number.isInteger(value)) sizes.set(term.symbols[0]!, value);
  return true;
}
