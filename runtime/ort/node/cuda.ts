import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type CudaError, cudaError, INSTALL_LIBRARIES } from '../cuda-errors.ts';

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
  const said = cudaError(message);
  if (said) return said;
  const library = missingLibrary(open);
  if (library !== null && library !== DRIVER) return { reason: `${library} is not found`, how: INSTALL_LIBRARIES };
  const reason = library === DRIVER ? `${DRIVER} is not found` : message.split('\n', 1)[0]!.replace(/\.$/, '');
  return { reason, how: 'It needs a GPU of NVIDIA and its driver.' };
}

/** The library that comes with the driver. */
const DRIVER = 'libcuda.so.1';

/** The library that the provider needs and that the system does not find, if that is what keeps it from being opened. */
function missingLibrary(open: () => void): string | null {
  try {
    open();
  } catch (error) {
    return /^(\S+): cannot open shared object file/.exec((error as Error).message)?.[1] ?? null;
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
