import { integerConstants } from '../onnx/integer-constants.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { DimFormula } from './formulas.ts';

/** Where a model limits a size: what it does with sizes beyond `bound` does not show in smaller ones. */
export interface Clip {
  /** The size that is limited; null if it may be any. */
  readonly size: DimFormula | null;
  readonly bound: number;
}

/** Operators by which arithmetic on sizes changes at a bound. */
const PIECEWISE = new Set(['Min', 'Max', 'Clip', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual']);
/** Exporters write the largest number of 32 or of 64 bits for "to the end". */
const OPEN = 2 ** 31 - 1;

/** @param dims the dimensions of a tensor, where they are known */
export function clips(model: OnnxModel, dims: (tensor: string) => readonly (DimFormula | null)[] | null): Clip[] {
  const { structural, constant } = model.links;
  const integers = integerConstants(model);
  const found: Clip[] = [];
  for (const { opType, input, output } of model.graph.node) {
    if (constant.has(output[0]!)) continue;
    if (opType === 'Slice') {
      const [data, starts, ends, axes] = input;
      const sizes = dims(data!);
      for (const bounds of [integers(starts!), integers(ends!)]) {
        bounds.forEach((bound, i) => {
          const axis = axes ? integers(axes)[i] : i;
          const size = axis === undefined ? null : (sizes?.at(axis) ?? null);
          if (size && size.terms.length > 0) found.push({ size, bound: Math.abs(bound) });
        });
      }
    } else if (PIECEWISE.has(opType) && structural.has(output[0]!)) {
      for (const bound of input.flatMap(integers)) found.push({ size: null, bound: Math.abs(bound) });
    }
  }
  return found.filter(({ bound }) => bound < OPEN);
}
