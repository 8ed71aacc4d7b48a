import type { TensorData } from '../tensor/tensor.ts';
import type { Inputs } from './signature.ts';

/** What is given for parameters, and their defaults in place of what is not. */
export function withDefaults(
  parameters: readonly { readonly name: string; readonly default?: TensorData | undefined }[],
  given: Inputs,
): Inputs {
  const isGiven = (name: string) => Object.hasOwn(given, name) && given[name] !== undefined;
  const defaults = parameters.filter((one) => one.default !== undefined && !isGiven(one.name));
  return { ...given, ...Object.fromEntries(defaults.map((one) => [one.name, one.default])) };
}
