import type { OnnxModel } from '../onnx/model.ts';
import { clips } from './clips.ts';
import { type DimFormula, evaluate, type Sizes, sum, symbol, symbolsOf } from './formulas.ts';
import { symbolsIn } from './input-sizes.ts';
import type { Probes } from './probe-sizes.ts';

/** The sizes that formulas hold for: sizes that the probes say nothing about are left out. */
export interface Limits {
  /** What the sizes of symbols are multiples of. */
  readonly multiples: ReadonlyMap<string, number>;
  readonly most: readonly { readonly size: DimFormula; readonly bound: number }[];
}

export const NO_LIMITS: Limits = { multiples: new Map(), most: [] };

/** @param dims the formulas of a tensor's dimensions */
export function limitsOf(
  model: OnnxModel,
  { inputs, sizes, multiples }: Probes,
  batch: string | null,
  dims: (tensor: string) => readonly (DimFormula | null)[] | null,
): Limits {
  const lengths = symbolsIn(inputs).filter((name) => name !== batch);
  const all = sum(...lengths.map(symbol));
  const bounds = new Map<string, { size: DimFormula; bound: number }>();
  for (const { size, bound } of clips(model, dims)) {
    const clipped = size ?? all;
    // A probe beyond the bound would have shown it.
    if (sizes.some((probe) => evaluate(clipped, probe)! > bound)) continue;
    const key = JSON.stringify(clipped);
    if (bound < (bounds.get(key)?.bound ?? Number.POSITIVE_INFINITY)) bounds.set(key, { size: clipped, bound });
  }
  return { multiples, most: [...bounds.values()] };
}

/** The sizes, null for those that are beyond the limits. */
export function withinLimits(sizes: Sizes, { multiples, most }: Limits): Sizes {
  const beyond = new Set(
    most.flatMap(({ size, bound }) => ((evaluate(size, sizes) ?? 0) > bound ? symbolsOf(size) : [])),
  );
  return new Map(
    [...sizes].map(([name, size]) => {
      const fits = !beyond.has(name) && (size ?? 0) % (multiples.get(name) ?? 1) === 0;
      return [name, fits ? size : null];
    }),
  );
}
