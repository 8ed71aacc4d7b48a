import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { OperandData } from '../graph/graph.ts';
import type { DType } from '../graph/types.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { Device } from './devices.ts';
import { forWebGpu } from './webgpu-limits.ts';

/** Where and how sessions are made. */
export interface SessionConfig {
  readonly device: Device;
  /** The folder of the file that the weights stand in. */
  readonly folder: string;
  /** Whether a session runs by itself, not in turns with others. */
  readonly alone?: boolean;
}

/** Compiles a model. This blocks the event loop for as long as it takes. */
export function createSession(model: Uint8Array, config: SessionConfig): Promise<InferenceSession> {
  if (config.device !== 'webgpu') return InferenceSession.create(model, sessionOptions(config));
  const { bytes, provider, without } = forWebGpu(model);
  return InferenceSession.create(bytes, sessionOptions(config, provider, without));
}

/** What ONNX Runtime is told, as plain data. `without`: the optimizers that must not run, joined by `;`. */
export function sessionOptions(
  { device, folder, alone = false }: SessionConfig,
  provider: InferenceSession.ExecutionProviderConfig = device,
  without = '',
): InferenceSession.SessionOptions {
  return {
    executionProviders: [provider],
    logSeverityLevel: 4,
    extra: {
      session: {
        model_external_initializers_file_folder_path: folder,
        // Every session has its own threads: those of one that has run must not go on taking the cores from the next.
        force_spinning_stop: alone ? '0' : '1',
      },
      ...(without !== '' && { optimization: { disable_specified_optimizers: without } }),
    },
  };
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
  // Node's Buffer has a slice of its own, which copies nothing.
  const copy = Uint8Array.prototype.slice.call(data) as unknown as Float32Array<ArrayBuffer>;
  return new OrtTensor(type as 'float32', copy, dims);
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
