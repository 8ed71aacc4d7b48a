import { decode, type Raw } from '../tensor/storage.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import { Tensor } from '../tensor/tensor.ts';
import { BundleError } from './error.ts';

/** Where a bundle runs: in a browser `wasm` or `webgpu`, in Node `cpu`, `cuda` or `webgpu`. */
export type BundleDevice = 'cpu' | 'cuda' | 'wasm' | 'webgpu';

export interface LoadBundleOptions {
  /** `auto`, the default, is `cpu` in Node; in a browser `webgpu` where it works, else `wasm`. */
  readonly device?: 'auto' | BundleDevice;
  /** Whether the files are compared with their hashes before they are used: true unless given. */
  readonly verify?: boolean;
}

/** The dtype that a model declares for one of its inputs or outputs. */
export interface Declared {
  readonly name: string;
  readonly dtype: string;
}

/** A model in any build of ONNX Runtime. */
export interface BundleSession {
  readonly device: BundleDevice;
  readonly inputs: readonly Declared[];
  readonly outputs: readonly Declared[];
  run(feeds: ReadonlyMap<string, InputTensor>, outputs: readonly string[]): Promise<Map<string, Tensor>>;
  release(): Promise<void>;
}

/** The common interface of onnxruntime-node and onnxruntime-web, as far as it is needed. */
export interface OrtModule {
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => OrtTensor;
}

interface OrtTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}

interface OrtMetadata {
  readonly name: string;
  readonly isTensor: boolean;
  readonly type?: string;
}

export interface OrtSession {
  readonly inputMetadata: readonly unknown[];
  readonly outputMetadata: readonly unknown[];
  run(feeds: Record<string, never>, fetches: readonly string[]): Promise<Record<string, unknown>>;
  release(): Promise<void>;
}

/** The error for a model that cannot be loaded on a device. */
export function cannotLoad(device: BundleDevice, error: unknown): BundleError {
  const reason = error instanceof Error ? error.message : error;
  return new BundleError(`The model cannot be loaded on ${device}: ${reason}`, { cause: error });
}

/** A session of ONNX Runtime that takes and gives this library's tensors. */
export function bundleSession(ort: OrtModule, session: OrtSession, device: BundleDevice): BundleSession {
  const declared = (list: readonly unknown[]) =>
    (list as readonly OrtMetadata[]).map(({ name, isTensor, type }) => ({
      name,
      dtype: isTensor ? (type ?? 'no tensor') : 'no tensor',
    }));
  return {
    device,
    inputs: declared(session.inputMetadata),
    outputs: declared(session.outputMetadata),
    async run(feeds, outputs) {
      const given = [...feeds].map(([name, { dtype, dims, raw }]) => [
        name,
        new ort.Tensor(dtype as 'float32', (dtype === 'bool' ? decode(raw as Raw, dtype) : raw) as Float32Array, dims),
      ]);
      const results = await session.run(Object.fromEntries(given), outputs);
      return new Map(
        Object.entries(results as Record<string, OrtTensor>).map(([name, { type, dims, data }]) => [
          name,
          new Tensor(type as 'float32', dims, data as Float32Array<ArrayBuffer>),
        ]),
      );
    },
    release: () => session.release(),
  };
}
