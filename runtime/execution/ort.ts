import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { OperandData } from '../graph/graph.ts';
import type { DType } from '../graph/types.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { Device } from './devices.ts';
import { forWebGpu } from './webgpu-limits.ts';

/** Where and how sessions are made. */
export interface SessionPlace {
  readonly device: Device;
  /** The folder of the file that the weights stand in. */
  readonly folder: string;
}

/** Compiles a model. This blocks the event loop for as long as it takes. */
export function createSession(model: Uint8Array, { device, folder }: SessionPlace): Promise<InferenceSession> {
  const { bytes, provider, without } =
    device === 'webgpu' ? forWebGpu(model) : { bytes: model, provider: device, without: '' };
  return InferenceSession.create(bytes, {
    executionProviders: [provider],
    logSeverityLevel: 4,
    extra: {
      session: {
        model_external_initializers_file_folder_path: folder,
        // Every session has its own threads: those of one that has run must not go on taking the cores from the next.
        force_spinning_stop: '1',
      },
      ...(without !== '' && { optimization: { disable_specified_optimizers: without } }),
    },
  });
}

/** Hands data over without copying it. */
export function toOrt(dtype: DType, dims: readonly number[], data: OperandData['data']): OrtTensor {
  return new OrtTensor(dtype as 'float32', data as Float32Array<ArrayBuffer>, dims);
}

export function fromOrt({ type, dims, data }: OrtTensor): Tensor {
  return new Tensor(type as 'float32', dims, data as Float32Array<ArrayBuffer>);
}

/** A tensor that shares nothing with the original. */
export function copyOrt({ type, dims, data }: OrtTensor): OrtTensor {
  return new OrtTensor(type as 'float32', (data as Float32Array<ArrayBuffer>).slice(), dims);
}

/** Whether two tensors hold the same bytes. */
export function sameBytes(a: OrtTensor, b: OrtTensor): boolean {
  if (a === b) return true;
  if (a.type !== b.type || a.dims.length !== b.dims.length) return false;
  if (a.dims.some((size, i) => size !== b.dims[i])) return false;
  return Buffer.compare(bytesOf(a), bytesOf(b)) === 0;
}

function bytesOf({ data }: OrtTensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = data as Float32Array<ArrayBuffer>;
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** The size of a tensor in bytes. */
export function byteSize({ data }: OrtTensor): number {
  return (data as Float32Array<ArrayBuffer>).byteLength;
}
