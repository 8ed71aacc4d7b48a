import { addElements } from '../tensor/add.ts';
import type { AnyParameter, Parameter } from '../tensor/parameter.ts';
import { Tensor } from '../tensor/tensor.ts';

/** Adds what a run gave to the gradients of parameters; undefined where it gave none. */
export function fillGradients(trained: readonly AnyParameter[], tensors: readonly (Tensor | undefined)[]): void {
  trained.forEach((parameter, i) => {
    const gradient = tensors[i];
    if (gradient) addGradient(parameter, gradient);
  });
}

function addGradient(parameter: AnyParameter, gradient: Tensor): void {
  const { grad } = parameter as Parameter;
  const sum = grad
    ? new Tensor(gradient.dtype as 'float32', gradient.dims, addElements(grad.raw, gradient.raw))
    : gradient;
  (parameter as Parameter).grad = sum;
}
