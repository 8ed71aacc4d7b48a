import { plainText } from './plain-text.ts';

/** What an error of a CUDA session says, and what to do. */
export interface CudaError {
  readonly reason: string;
  readonly how: string;
}

const FULL =
  "The device's memory is full. Models keep theirs as long as your program holds them, and then until the garbage collector has run. Each session of a model has its weights once more: onStats tells how many are kept.";

const NEEDS_DRIVER = 'It needs a GPU of NVIDIA and its driver.';

/** The number in the name of a library is not always CUDA's: CUDA 13 comes with libcufft.so.12. */
const INSTALL_LIBRARIES =
  'Install the version of CUDA (of cuDNN, for a libcudnn) that has a library of this name, and name the folders of all of them in LD_LIBRARY_PATH before the program starts.';

/** The library that comes with the driver. */
const DRIVER = 'libcuda.so.1';

const NO_CUDNN =
  "Install cuDNN for the CUDA that onnxruntime-node was built for, and name the folder of its libraries in LD_LIBRARY_PATH before the program starts, or load the model with { device: 'cpu' }.";

const ALLOCATION = /allocation failed|out of memory|Failed to allocate memory|Available memory of \d+ is smaller/i;

/**
 * The cause of an error of ONNX Runtime that CUDA or a library of it gave. ONNX Runtime puts it behind the signatures of its
 * C++ functions. Null where it is something else.
 */
export function cudaError(message: string): CudaError | null {
  const said = /(?:CUDA|CUBLAS|CUDNN|CUDNN_FE|CUFFT|CURAND) failure \d+: [^;]+/.exec(message)?.[0].trim();
  if (isFull(message)) return { reason: said ?? allocation(message), how: FULL };
  const library = /(lib(?:cu|nv)\w+\.so[.\d]*): cannot open shared object file/.exec(message)?.[1];
  if (library) return withoutLibrary(library);
  if (/cudnn/i.test(said ?? '') || isWithoutCudnn(message)) {
    return { reason: said ? `cuDNN does not work (${said})` : 'it needs cuDNN, which is not found', how: NO_CUDNN };
  }
  return said ? { reason: said, how: NEEDS_DRIVER } : null;
}

/** For a library that the system does not find. */
function withoutLibrary(library: string): CudaError {
  return { reason: `${library} is not found`, how: library === DRIVER ? NEEDS_DRIVER : INSTALL_LIBRARIES };
}

/** For what the system says of the provider when it opens it; null where it could be opened. */
export function loadingError(said: string): CudaError | null {
  const missing = /^(\S+): cannot open shared object file/.exec(said)?.[1];
  if (missing) return withoutLibrary(missing);
  // Not being an addon of Node, it is refused for its own symbols once all its libraries are there.
  if (/undefined symbol: Provider_|did not self-register/.test(said)) return null;
  const [line] = said.split('\n');
  return { reason: line!.replace(/\.$/, ''), how: INSTALL_LIBRARIES };
}

/** For an error of ONNX Runtime whose cause is not known. */
export function unknownError(message: string): CudaError {
  const [line] = (plainText(message) || message).split('\n');
  return { reason: line!.replace(/\.$/, ''), how: NEEDS_DRIVER };
}

/** Whether an error says that the memory of the card is full. */
export function isFull(message: string): boolean {
  return ALLOCATION.test(message);
}

function allocation(message: string): string {
  const size = /requested (?:buffer of size|bytes of) (\d+)/.exec(message)?.[1];
  return size ? `there is no room for ${size} bytes` : 'there is no room';
}

/** What stands in the messages of ONNX Runtime and cuDNN's front end where its library cannot be opened. */
function isWithoutCudnn(message: string): boolean {
  return (
    /cudnn/i.test(message) &&
    /not (?:be )?(?:found|available|loaded)|unavailable|(?:unable|failed) to load|cannot open|requires|is required|without/i.test(
      message,
    )
  );
}
