import { keyOf } from '../graph/key.ts';
import type { TensorType } from '../graph/types.ts';
import { ModelError } from '../onnx/error.ts';
import type { OnnxModel } from '../onnx/model.ts';
import { fitter } from './fit.ts';
import { type DimFormula, evaluate, type Sizes, soleSymbol } from './formulas.ts';
import { type InputDims, inferTypes } from './infer.ts';
import { type InputSizes, inputSizes, mainInput, RELATIONS, solve, symbolsIn } from './input-sizes.ts';
import { type Limits, limitsOf, NO_LIMITS, withinLimits } from './limits.ts';
import { type Probes, probesFor, SCALES } from './probe-sizes.ts';

export type { DimFormula, Sizes };

/** A tensor's dtype and its dimensions as formulas: null for a dimension that no formula explains, or if the rank varies. */
interface SymbolicType {
  readonly dtype: TensorType['dtype'];
  readonly dims: readonly (DimFormula | null)[] | null;
}

type Types = ReadonlyMap<string, TensorType>;

/** The types of all tensors of a model as functions of the sizes of its inputs. */
export class SymbolicTypes {
  /** The free sizes of the model's inputs: names from the file, or `input:dimension` for a dimension without a name. */
  readonly symbols: readonly string[];
  /** The symbol of dimension 0 of the model's main input (the rows of a batch), null where it is a fixed size. */
  readonly batch: string | null;
  /** Whether every tensor has a formula in every dimension. */
  readonly complete: boolean;
  private readonly inputs: InputSizes;
  private readonly limits: Limits;
  private readonly types: ReadonlyMap<string, SymbolicType>;
  /** The sizes that were asked for last, by the dims of the inputs: traces in a loop ask for the same. */
  private last: { readonly dims: string; readonly sizes: Sizes } | null = null;
  /** The types of tensors that were worked out for sizes. */
  private readonly known = new WeakMap<Sizes, Map<string, TensorType>>();

  constructor(
    inputs: InputSizes,
    batch: string | null,
    types: ReadonlyMap<string, SymbolicType> = new Map(),
    limits: Limits = NO_LIMITS,
  ) {
    this.inputs = inputs;
    this.symbols = symbolsIn(inputs);
    this.batch = batch;
    this.types = types;
    this.limits = limits;
    this.complete = types.size > 0 && [...types.values()].every(({ dims }) => dims !== null && !dims.includes(null));
  }

  /**
   * The sizes of the symbols for inputs with these dims: null for those that depend on a dim not given, for those on which the dims
   * contradict each other or the relations between inputs that the formulas rest on, and for those that the formulas do
   * not hold for.
   */
  sizes(dims: Readonly<Record<string, readonly (number | null)[]>>): Sizes {
    const key = keyOf(Object.entries(dims));
    if (this.last?.dims !== key) {
      this.last = { dims: key, sizes: withinLimits(solve(this.inputs, dims), this.limits) };
    }
    return this.last.sizes;
  }

  /** A tensor's type for these sizes (dims that depend on an unknown size, or have no formula, are null); undefined for an unknown name. */
  type(tensor: string, sizes: Sizes): TensorType | undefined {
    const found = this.types.get(tensor);
    if (!found) return undefined;
    const known = this.known.get(sizes) ?? new Map<string, TensorType>();
    this.known.set(sizes, known);
    let type = known.get(tensor);
    if (!type) {
      type = { dtype: found.dtype, shape: found.dims?.map((dim) => dim && evaluate(dim, sizes)) ?? null };
      known.set(tensor, type);
    }
    return type;
  }

  /** A tensor's dtype; undefined for an unknown name. */
  dtype(tensor: string): TensorType['dtype'] | undefined {
    return this.types.get(tensor)?.dtype;
  }

  /** The formulas of a tensor's dims; null for a tensor that is not known, or whose number of dims varies. */
  formulas(tensor: string): readonly (DimFormula | null)[] | null {
    return this.types.get(tensor)?.dims ?? null;
  }
}

/** Infers the types of a model's tensors for some sizes of its inputs. */
type Infer = (dims: InputDims) => Promise<Types>;

/**
 * Works out the types of a model's tensors as formulas: ONNX Runtime infers them for three sets of sizes, and the simplest
 * formula that explains all three is taken. If the model accepts none of the sizes that are tried, no tensor is known.
 */
export async function symbolicTypes(
  model: OnnxModel,
  infer: Infer = (dims) => inferTypes(model, dims),
): Promise<SymbolicTypes> {
  const tried = new Set<string>();
  for (const relation of RELATIONS) {
    const related = inputSizes(model, relation);
    for (const scale of SCALES) {
      const probes = probesFor(related, scale);
      const key = JSON.stringify(dimsOf(probes.inputs, probes.sizes[0]!));
      if (tried.has(key)) continue;
      tried.add(key);
      const types = await typesOf(infer, probes);
      if (!types) continue;
      const batch = rowsOf(model, probes.inputs);
      const limits = limitsOf(model, probes, batch, (tensor) => types.get(tensor)?.dims ?? null);
      return new SymbolicTypes(probes.inputs, batch, types, limits);
    }
  }
  // A file that has changed fits no sizes, either.
  model.checkFiles();
  const named = inputSizes(model, 'names');
  return new SymbolicTypes(named, rowsOf(model, named));
}

function rowsOf(model: OnnxModel, inputs: InputSizes): string | null {
  const rows = inputs.get(mainInput(model)?.name ?? '')?.[0];
  return rows ? soleSymbol(rows) : null;
}

/** Null if the sizes do not fit the model. */
async function typesOf(infer: Infer, { inputs, sizes }: Probes): Promise<Map<string, SymbolicType> | null> {
  const fitting: { readonly sizes: ReadonlyMap<string, number>; readonly types: Types }[] = [];
  for (const [i, probe] of sizes.entries()) {
    if (fitting.length === 3) break;
    const types = await inferOrRefuse(infer, dimsOf(inputs, probe));
    if (types) fitting.push({ sizes: probe, types });
    else if (i < 2) return null;
  }
  if (fitting.length < 3) return null;
  const formula = fitter(
    symbolsIn(inputs),
    fitting.map((probe) => probe.sizes),
  );
  const found = new Map<string, SymbolicType>();
  for (const [name, { dtype, shape }] of fitting[0]!.types) {
    const shapes = fitting.map(({ types }) => types.get(name)?.shape ?? null);
    const isRanked = shapes.every((other) => other !== null && other.length === shape?.length);
    const dims = shape?.map((_, i) => {
      const seen = shapes.flatMap((other) => other?.[i] ?? []);
      return seen.length === shapes.length ? formula(seen) : null;
    });
    found.set(name, { dtype, dims: isRanked ? dims! : null });
  }
  return found;
}

async function inferOrRefuse(infer: Infer, dims: InputDims) {
  try {
    return await infer(dims);
  } catch (error) {
    if (error instanceof ModelError) return null;
    throw error;
  }
}

function dimsOf(inputs: InputSizes, sizes: Sizes): Record<string, number[]> {
  return Object.fromEntries([...inputs].map(([name, dims]) => [name, dims.map((dim) => evaluate(dim, sizes)!)]));
}
