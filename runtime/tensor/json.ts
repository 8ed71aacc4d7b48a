import { type ElementJson, operandData } from '../graph/operand-data.ts';
import type { DType } from '../graph/types.ts';
import { Tensor } from './tensor.ts';

/** A tensor as JSON. */
export interface TensorJson {
  readonly dtype: DType;
  readonly dims: readonly number[];
  /** Its elements as the engine holds them, in base64. */
  readonly data: string;
}

/** A tensor in a request, which may be written by hand: its elements in base64, or in a list, as those of an operand. */
export type GivenTensorJson = Omit<TensorJson, 'data'> & { readonly data: string | readonly ElementJson[] };

export function tensorToJson({ dtype, dims, raw }: Tensor): TensorJson {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  return { dtype, dims: [...dims], data: bytes.toString('base64') };
}

/** Throws a RangeError if the data does not have the size that dims and dtype require, a GraphError for an element that the dtype does not have. */
export function tensorFromJson({ dtype, dims, data }: GivenTensorJson): Tensor {
  if (typeof data !== 'string') return listed(dtype, dims, data);
  const bytes = Buffer.from(data, 'base64');
  const { raw } = Tensor.from([], dtype as 'float32', [0]);
  const Elements = raw.constructor as Float32ArrayConstructor;
  const size = dims.reduce((a, b) => a * b, 1);
  if (bytes.byteLength !== size * Elements.BYTES_PER_ELEMENT) {
    throw new RangeError(
      `dims [${dims.join(', ')}] of ${dtype} need ${size * Elements.BYTES_PER_ELEMENT} bytes, found ${bytes.byteLength}`,
    );
  }
  // Buffers of Node share memory at any offset, which typed arrays of larger elements cannot start at.
  const aligned = new Uint8Array(bytes);
  return new Tensor(dtype as 'float32', dims, new Elements(aligned.buffer, 0, size));
}

function listed(dtype: DType, dims: readonly number[], data: readonly ElementJson[]): Tensor {
  const size = dims.reduce((a, b) => a * b, 1);
  if (data.length !== size) {
    throw new RangeError(`dims [${dims.join(', ')}] need ${size} elements, found ${data.length}`);
  }
  return new Tensor(dtype as 'float32', dims, operandData(dtype, data, 'data') as Float32Array<ArrayBuffer>);
}
