import { ort } from '../ort/ort.ts';
import type { SessionTensor } from '../ort/port.ts';
import { addElements } from '../tensor/add.ts';
import { Tensor } from '../tensor/tensor.ts';

/** The floats of a tensor as they lie in memory: whichever of the three dtypes, they are handled alike. */
type Floats = Float32Array<ArrayBuffer>;

/** A tensor of a session as users have it. They share their elements. */
export function toTensor({ type, dims, data }: SessionTensor): Tensor {
  return new Tensor(type as 'float32', dims, data as Floats);
}

/** A user's tensor as sessions take it. They share their elements. */
export function fromTensor({ dtype, dims, raw }: Tensor): SessionTensor {
  return ort.tensor(dtype, dims, raw);
}

/** The sum of two tensors of floats, of one dtype and shape. */
export function addTensors(a: SessionTensor, b: SessionTensor): SessionTensor {
  return ort.tensor(a.type, a.dims, addElements(a.data as Floats, b.data as Floats));
}

/** Zeros of a tensor's dtype and shape. */
export function zerosLike({ type, dims, data }: SessionTensor): SessionTensor {
  return ort.tensor(type, dims, (data as Floats).slice().fill(0));
}

/** A matrix transposed. */
export function transposed({ type, dims, data }: SessionTensor): SessionTensor {
  const [rows, columns] = dims as [number, number];
  const elements = data as Floats;
  const turned = elements.slice();
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) turned[column * rows + row] = elements[row * columns + column]!;
  }
  return ort.tensor(type, [columns, rows], turned);
}
