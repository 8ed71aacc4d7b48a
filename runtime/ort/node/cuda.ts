import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type CudaError, cudaError, loadingError, unknownError } from '../cuda-errors.ts';

/** Why a device does not work, and what to do. */
export type Trouble = CudaError;

/** Whether the CUDA provider is there. On Linux it is a file that is downloaded by itself: loading a missing one complains on stderr. */
export function hasCudaProvider(): boolean {
  return process.platform !== 'linux' || existsSync(provider());
}

export const NO_PROVIDER: Trouble = {
  reason: 'the CUDA provider of onnxruntime-node is not installed',
  how: 'Install it with: ONNXRUNTIME_NODE_INSTALL=true npm rebuild onnxruntime-node',
};

/**
 * The cause of ONNX Runtime's error. ONNX Runtime names a missing library on stderr alone, so the provider is
 * opened once more.
 */
export function cudaTrouble(error: unknown, open = openProvider): Trouble {
  const message = error instanceof Error ? error.message : String(error);
  return cudaError(message) ?? whileOpening(open) ?? unknownError(message);
}

function whileOpening(open: () => void): Trouble | null {
  try {
    open();
  } catch (error) {
    return loadingError((error as Error).message);
  }
  return null;
}

/** Always throws, since the provider is not an addon of Node: if it could be opened, the error names a symbol. */
function openProvider(): void {
  process.dlopen({ exports: {} }, provider());
}

function provider(): string {
  const main = createRequire(import.meta.url).resolve('onnxruntime-node');
  const binaries = join(dirname(main), '..', 'bin', 'napi-v6', process.platform, process.arch);
  return join(binaries, 'libonnxruntime_providers_cuda.so');
}
