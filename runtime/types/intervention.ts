import type { DType } from '../graph/types.ts';
import type { AnyTensor, TensorData } from '../tensor/tensor.ts';
import type { Inputs, ModelInputs, NNsight } from './model.ts';
import type { EnvoyMembers } from './module.ts';
import type { Operand, Resolved, Traced } from './tensor.ts';

/** The declaration of a parameter: a dtype, and dims unless it is a single number: `int64[n]`. */
export type ParameterSpec = DType | `${DType}[${string}]`;

/** A parameter of an intervention. A dim is a size, the name of one that is free, or null. */
export interface InterventionParameter {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly (number | string | null)[];
}

/** Parameters by name: `{ alpha: 'float32', direction: 'float32[128]', tokens: 'int64[n]' }`. */
export type ParameterSpecs = Readonly<Record<string, ParameterSpec>>;

/** The value that a caller gives for a parameter. */
export type ParameterValue<S> = S extends DType
  ? (S extends 'bool' ? boolean : number | bigint) | AnyTensor
  : TensorData;

/** Parameters as the caller gives them. */
export type ParameterValues<P extends ParameterSpecs> = { readonly [K in keyof P]: ParameterValue<P[K]> };

/** Parameters as the block sees them. */
export type TracedParameters<P extends ParameterSpecs> = { readonly [K in keyof P]: Traced };

/** A block with named parameters and results: run it on a loaded model, or compile it ahead of time. */
export interface Intervention<P extends ParameterSpecs, M, R> {
  /** Runs the model with the block's interventions. The model's inputs and the parameters stand in one object. */
  (model: M, inputs: Inputs & ParameterValues<P>): Promise<Resolved<R>>;
  /** The same, with the parameters apart from the model's inputs, which may be a text. */
  (model: M, inputs: ModelInputs | string, parameters: ParameterValues<P>): Promise<Resolved<R>>;
  /** Makes it a part of the block that runs now, and returns the result of its own block. */
  inside(model: M, parameters: { readonly [K in keyof P]: Operand }): R;
  readonly parameters: readonly InterventionParameter[];
}

/** Makes interventions. */
export interface InterventionMaker {
  /**
   * A block with named parameters. Each is declared by its dtype, with dims unless it is a single number:
   * `intervention({ alpha: 'float32' }, (model, { alpha }) => { … return { logits: save(…) }; })`.
   */
  <const P extends ParameterSpecs, const R, M extends EnvoyMembers = NNsight>(
    parameters: P,
    block: (model: M, parameters: TracedParameters<P>) => R,
  ): Intervention<P, M, R>;
  /** A block without parameters. */
  <const R, M extends EnvoyMembers = NNsight>(block: (model: M) => R): Intervention<Record<never, never>, M, R>;
}
