/** What an error of a CUDA session says, and what to do. */
export interface CudaError {
  readonly reason: string;
  readonly how: string;
}

const FULL =
  "The device's memory is full. Models keep theirs as long as your program holds them, and then until the garbage collector has run. Each session of a model has its weights once more: onStats tells how many are kept.";

export const INSTALL_LIBRARIES =
  "Install the libraries of CUDA and cuDNN in the version that this file's name ends in, and name their folders in LD_LIBRARY_PATH before the program starts.";

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
  const library = /(libcud\w+\.so[.\d]*): cannot open shared object file/.exec(message)?.[1];
  if (library) return { reason: `${library} is not found`, how: INSTALL_LIBRARIES };
  if (/cudnn/i.test(said ?? '') || isWithoutCudnn(message)) {
    return { reason: said ? `cuDNN does not work (${said})` : 'it needs cuDNN, which is not found', how: NO_CUDNN };
  }
  return said ? { reason: said, how: 'It needs a GPU of NVIDIA and its driver.' } : null;
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
