import { describe, expect, it } from 'vitest';
import { cudaError } from '../../runtime/ort/cuda-errors.ts';
import { cudaTrouble } from '../../runtime/ort/node/cuda.ts';

/** Messages of ONNX Runtime and the system, from machines on which CUDA did not work. */
const NOT_LOADED = new Error('OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library');
const CALL =
  '/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_call.cc:154 std::conditional_t<THRW, void, onnxruntime::common::Status> onnxruntime::CudaCall(ERRTYPE, const char*, const char*, SUCCTYPE, const char*, const char*, int) [with ERRTYPE = cudaError; bool THRW = true; SUCCTYPE = cudaError; std::conditional_t<THRW, void, common::Status> = void] ';
const PLACE =
  ' ; GPU=-1 ; hostname=vm ; file=/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_execution_provider.cc ; line=345 ; expr=cudaSetDevice(info_.device_id);';

const opening = (message: string) => () => {
  throw new Error(message);
};
const missing = (library: string) => opening(`${library}: cannot open shared object file: No such file or directory`);
const opened = opening('/app/libonnxruntime_providers_cuda.so: undefined symbol: Provider_GetHost');

describe('why CUDA does not work', () => {
  it('a library of CUDA is missing: its name, with its version', () => {
    const { reason, how } = cudaTrouble(NOT_LOADED, missing('libcublasLt.so.13'));
    expect(reason).toBe('libcublasLt.so.13 is not found');
    expect(how).toMatch(/CUDA.*cuDNN.*that has a library of this name.*LD_LIBRARY_PATH/);
  });

  it('a library is there in a version that does not do', () => {
    const said = "/usr/lib/libcudart.so.13: version `libcudart.so.13' not found (required by /app/libonnxruntime.so)";
    const { reason, how } = cudaTrouble(NOT_LOADED, opening(said));
    expect(reason).toBe(said);
    expect(how).toMatch(/LD_LIBRARY_PATH/);
  });

  it("the driver's library is missing", () => {
    const { reason, how } = cudaTrouble(NOT_LOADED, missing('libcuda.so.1'));
    expect(reason).toBe('libcuda.so.1 is not found');
    expect(how).toBe('It needs a GPU of NVIDIA and its driver.');
  });

  it.each([
    'CUDA failure 100: no CUDA-capable device is detected',
    'CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version',
    'CUBLAS failure 3: the resource allocation failed',
  ])('%s: without the C++ around it', (said) => {
    const { reason } = cudaTrouble(new Error(`${CALL}${CALL}${said}${PLACE}`), opened);
    expect(reason).toBe(said);
  });

  it('its memory is full', () => {
    const { how } = cudaTrouble(new Error(`${CALL}CUBLAS failure 3: the resource allocation failed${PLACE}`), opened);
    expect(how).toMatch(/memory is full/);
  });

  it("what is not known is told in the engine's words, without its C++", () => {
    expect(cudaTrouble(NOT_LOADED, opened).reason).toBe(NOT_LOADED.message);
    const inside =
      '/onnxruntime_src/onnxruntime/core/session/provider_bridge_ort.cc:2251 onnxruntime::Provider& onnxruntime::ProviderLibrary::Get() ';
    expect(cudaTrouble(new Error(`${inside}It is not there.`), opened).reason).toBe('It is not there');
  });
});

describe('why a run on CUDA fails', () => {
  const NODE = "Non-zero status code returned while running Conv node. Name:'/conv/Conv' Status Message: ";

  it.each([
    `${NODE}${CALL}CUDNN failure 1001: CUDNN_STATUS_NOT_INITIALIZED${PLACE}`,
    `${NODE}Unable to load dynamic library libcudnn.so.9`,
    `${NODE}Conv on CUDA requires cuDNN, which is not available`,
  ])('cuDNN is missing: %s', (message) => {
    const { reason, how } = cudaError(message)!;
    expect(reason).toMatch(/cuDNN/);
    expect(reason).not.toMatch(/onnxruntime_src|hostname/);
    expect(how).toMatch(/Install cuDNN .*LD_LIBRARY_PATH.*device: 'cpu'/);
  });

  it.each(['libcublasLt.so.13', 'libnvrtc.so.13'])('%s cannot be opened: its name', (library) => {
    const { reason, how } = cudaError(`${library}: cannot open shared object file: No such file`)!;
    expect(reason).toBe(`${library} is not found`);
    expect(how).toMatch(/Install/);
  });

  it('the name of a library that cannot be opened', () => {
    expect(cudaError('libcudnn_ops.so.9: cannot open shared object file: No such file')?.reason).toBe(
      'libcudnn_ops.so.9 is not found',
    );
  });

  it.each([
    [`${CALL}CUDA failure 2: out of memory${PLACE}`, 'CUDA failure 2: out of memory'],
    [
      '/onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:376 void* onnxruntime::BFCArena::AllocateRawInternal(size_t) Failed to allocate memory for requested buffer of size 154389504',
      'there is no room for 154389504 bytes',
    ],
  ])('the memory is full: %s', (message, reason) => {
    expect(cudaError(message)).toMatchObject({ reason, how: expect.stringContaining('memory is full') });
  });

  it('an error that has nothing to do with it is left alone', () => {
    expect(cudaError('Non-zero status code returned while running Gather node. idx=9 must be within [0,4]')).toBeNull();
  });
});
