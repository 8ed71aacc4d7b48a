import type { TensorType } from '../graph/types.ts';
import type { OnnxModel } from './read.ts';

export interface DimFormula {
  readonly constant: number;
  readonly terms: readonly { readonly coefficient: number; readonly symbols: readonly string[] }[];
}
export type Sizes = ReadonlyMap<string, number | null>;
export class SymbolicTypes {
  readonly symbols: readonly string[] = [];
  readonly batch: string | null = null;
  readonly complete: boolean = false;
  sizes(_dims: Readonly<Record<string, readonly (number | null)[]>>): Sizes {
    return new Map();
  }
  type(_tensor: string, _sizes: Sizes): TensorType | undefined {
    return undefined;
  }
  formulas(_tensor: string): readonly (DimFormula | null)[] | null {
    return null;
  }
}
export async function symbolicTypes(_model: OnnxModel): Promise<SymbolicTypes> {
  return new SymbolicTypes();
}
