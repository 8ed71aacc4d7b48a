import type { DType } from '../graph/types.ts';
import type { AnyTensor, Returned, TensorData } from '../tensor/tensor.ts';
import type { Inputs, ModelInputs, NNsight } from './model.ts';
import type { EnvoyMembers } from './module.ts';
import type { Operand, Resolved, Traced } from './tensor.ts';

/** The type of a parameter: a dtype, and dims unless it is a single number: `int64[n]`. */
export type ParameterType = DType | `${DType}[${string}]`;

/** The declaration of a parameter: its type, or its type and the value that it has where a caller gives none. */
export type ParameterSpec = ParameterType | { readonly type: ParameterType; readonly default: TensorData };

/** A parameter of an intervention. A dim is a size, the name of one that is free, or null. */
export interface InterventionParameter {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly (number | string | null)[];
  /** Its value where a caller gives none; without it the parameter must be given. */
  readonly default?: AnyTensor | undefined;
}

/** Parameters by name: `{ alpha: { type: 'float32', default: 1 }, direction: 'float32[128]', tokens: 'int64[n]' }`. */
export type ParameterSpecs = Readonly<Record<string, ParameterSpec>>;

/** The value that a caller gives for a parameter. */
export type ParameterValue<S> = S extends { readonly type: infer T }
  ? ParameterValue<T>
  : S extends DType
    ? (S extends 'bool' ? boolean : number | bigint) | AnyTensor
    : TensorData;

/** The names of parameters that have defaults. */
type Defaulted<P extends ParameterSpecs> = { [K in keyof P]: P[K] extends string ? never : K }[keyof P];

/** Parameters as the caller gives them: those that have defaults may be left out. */
export type ParameterValues<P extends ParameterSpecs> = {
  readonly [K in Exclude<keyof P, Defaulted<P>>]: ParameterValue<P[K]>;
} & { readonly [K in Defaulted<P>]?: ParameterValue<P[K]> | undefined };

/** The argument with the parameters, which may be left out where all of them have defaults. */
type Last<Values> = object extends Values ? [parameters?: Values] : [parameters: Values];

/** Parameters as the block sees them. */
export type TracedParameters<P extends ParameterSpecs> = { readonly [K in keyof P]: Traced };

export interface InterventionOptions {
  /** `model`: the model's own outputs come back, by their names, beside what the block returns. */
  readonly outputs?: 'model' | undefined;
  /**
   * Models that the block calls, by the paths at which they are attached to the model that it runs on:
   * `{ 'transformer.h.2.sae': NNsight.load('sae.onnx') }`. They stay attached. In a bundle they are inside of its model.
   */
  readonly attach?: Readonly<Record<string, EnvoyMembers | Promise<EnvoyMembers>>> | undefined;
}

/** The model's own outputs by their names, beside what a block returns. */
type Outputs<O extends InterventionOptions, T> = O extends { readonly outputs: 'model' }
  ? Readonly<Record<string, T>>
  : unknown;

/** A block with named parameters and results: run it on a loaded model, or compile it ahead of time. */
export interface Intervention<P extends ParameterSpecs, M, R, O extends InterventionOptions = InterventionOptions> {
  /** Runs the model with the block's interventions. The model's inputs and the parameters stand in one object. */
  (model: M, inputs: Inputs & ParameterValues<P>): Promise<Resolved<R> & Outputs<O, Returned>>;
  /** The same, with the parameters apart from the model's inputs, which may be a text. */
  (
    model: M,
    inputs: ModelInputs | string,
    ...parameters: Last<ParameterValues<P>>
  ): Promise<Resolved<R> & Outputs<O, Returned>>;
  /** Makes it a part of the block that runs now, and returns the result of its own block. */
  inside(model: M, ...parameters: Last<{ readonly [K in keyof ParameterValues<P>]: Operand }>): R & Outputs<O, Traced>;
  readonly parameters: readonly InterventionParameter[];
}

/** Makes interventions. */
export interface InterventionMaker {
  /**
   * A block with named parameters. Each is declared by its dtype, with dims unless it is a single number:
   * `intervention({ alpha: 'float32' }, (model, { alpha }) => { … return { logits: save(…) }; })`.
   */
  <
    const P extends ParameterSpecs,
    const R,
    M extends EnvoyMembers = NNsight,
    const O extends InterventionOptions = object,
  >(
    parameters: P,
    block: (model: M, parameters: TracedParameters<P>) => R,
    options?: O,
  ): Intervention<P, M, R, O>;
  /** A block without parameters. */
  <const R, M extends EnvoyMembers = NNsight, const O extends InterventionOptions = object>(
    block: (model: M) => R,
    options?: O,
  ): Intervention<Record<never, never>, M, R, O>;
}
