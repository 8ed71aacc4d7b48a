import { expect, it } from 'vitest';
import { plainText } from '../../runtime/ort/plain-text.ts';

/** As ONNX Runtime 1.30 writes them. */
it.each([
  [
    '/onnxruntime_src/onnxruntime/core/graph/graph.cc:1295 onnxruntime::Graph::Graph(const onnxruntime::Model&, onnx::GraphProto*, const std::unordered_map<std::__cxx11::basic_string<char>, int>&, onnxruntime::Version, std::function<void(int)>, bool) [ONNXRuntimeError] : 1 : FAIL : Tensor has no name',
    '[ONNXRuntimeError] : 1 : FAIL : Tensor has no name',
  ],
  [
    "Non-zero status code returned while running Gather node. Name:'n' Status Message: /onnxruntime_src/onnxruntime/core/framework/op_kernel.cc:83 virtual OrtValue* onnxruntime::OpKernelContext::OutputMLValue(int, const onnxruntime::TensorShape&) const status.IsOK() was false.",
    'status.IsOK() was false.',
  ],
  [
    'Error: /onnxruntime_src/onnxruntime/core/util.cc:5 T onnxruntime::narrow(U) [with T = int; U = std::vector<long int>] value does not fit: /onnxruntime_src/include/a.h:7 void f() too large',
    'value does not fit: too large',
  ],
  ['Invalid model. Node input x is not a graph input', 'Invalid model. Node input x is not a graph input'],
  ['/onnxruntime_src/a.cc:1 void f(', ''],
])('%s', (message, plain) => {
  expect(plainText(message)).toBe(plain);
});
