import { type InputTensor, StringTensor } from '../tensor/string-tensor.ts';
import { Tensor, type TensorData } from '../tensor/tensor.ts';
import type { InputData } from './signature.ts';
import { InputError, type Inputs } from './signature.ts';

/** Inputs joined along dimension 0. All other dims must be equal, else it throws an InputError. */
export function joinRows(list: readonly Inputs[]): Inputs {
  const names = new Set(list.flatMap((inputs) => Object.keys(inputs)));
  return Object.fromEntries(
    [...names].map((name) => {
      const missing = list.findIndex((inputs) => inputs[name] === undefined);
      if (missing >= 0) {
        throw new InputError(`The inputs of the invokes cannot be batched: number ${missing} has no '${name}'.`);
      }
      return [
        name,
        concatenate(
          name,
          list.map((inputs) => laidOut(inputs[name]!)),
        ),
      ];
    }),
  );
}

function concatenate(name: string, tensors: readonly InputTensor[]): InputData {
  const [first] = tensors;
  const [, ...rest] = first!.dims;
  for (const [i, { dims, dtype }] of tensors.entries()) {
    if (dims.length === 0 || dims.slice(1).join() !== rest.join() || dtype !== first!.dtype) {
      throw new InputError(
        `The inputs of the invokes cannot be batched: '${name}' is ${first!.dtype}[${first!.dims.join(', ')}] in the first and ${dtype}[${dims.join(', ')}] in number ${i}. All but the number of rows must be the same.`,
      );
    }
  }
  const rows = tensors.reduce((sum, { dims }) => sum + dims[0]!, 0);
  const dims = [rows, ...rest];
  if (first instanceof StringTensor)
    return new StringTensor(
      dims,
      (tensors as StringTensor[]).flatMap(({ raw }) => raw),
    );
  const data = (tensors as Tensor[]).flatMap((tensor) => Array.from(tensor.data as ArrayLike<number>));
  return Tensor.from(data, first!.dtype, dims);
}

/** What was given for an input, as it would be for a model that takes it. */
function laidOut(data: InputData): InputTensor {
  return isOfTexts(data) ? StringTensor.from(data) : (Tensor.from(data as TensorData) as Tensor);
}

/** Whether what was given is texts, in arrays or not. */
function isOfTexts(data: unknown): boolean {
  if (Array.isArray(data)) return isOfTexts(data[0]);
  return (
    typeof data === 'string' ||
    (data as StringTensor).dtype === 'string' ||
    (data as { type?: string }).type === 'string'
  );
}

/** How many rows inputs have. */
export function rowsOf(inputs: Inputs): number {
  const [first] = Object.values(inputs);
  return first === undefined ? 0 : (laidOut(first).dims[0] ?? 0);
}
