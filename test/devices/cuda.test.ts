import { describe, expect, it } from 'vitest';
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
    expect(how).toMatch(/CUDA and cuDNN.*LD_LIBRARY_PATH/);
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

  it("what is not known is told in the engine's words", () => {
    expect(cudaTrouble(NOT_LOADED, opened).reason).toBe(NOT_LOADED.message);
  });
});
