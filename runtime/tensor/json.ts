import type { DType } from '../graph/types.ts';
import { Tensor } from './tensor.ts';

/** A tensor as JSON. */
export interface TensorJson {
  readonly dtype: DType;
  readonly dims: readonly number[];
  /** Its elements as the engine holds them, in base64. */
  readonly data: string;
}

export function tensorToJson({ dtype, dims, raw }: Tensor): TensorJson {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  return { dtype, dims: [...dims], data: bytes.toString('base64') };
}

/** Throws a RangeError if the data does not have the size that dims and dtype require. */
export function tensorFromJson({ dtype, dims, data }: TensorJson): Tensor {
  const bytes = Buffer.from(data, 'base64');
  const { raw } = Tensor.from([], dtype as 'float32', [0]);
  const Elements = raw.constructor as Float32ArrayConstructor;
  const size = dims.reduce((a, b) => a * b, 1);
  if (bytes.byteLength !== size * Elements.BYTES_PER_ELEMENT) {
    throw new RangeError(
      `a ${dtype} tensor of dims [${dims.join(', ')}] has ${size * Elements.BYTES_PER_ELEMENT} bytes, but ${bytes.byteLength} are given`,
    );
  }
  // Buffers of Node share memory at any offset, which typed arrays of larger elements cannot start at.
  const aligned = new Uint8Array(bytes);
  return new Tensor(dtype as 'float32', dims, new Elements(aligned.buffer, 0, size));
}
