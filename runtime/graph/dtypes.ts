/** Element types of tensors, by their ONNX names (PyTorch's `int64` is `int64`, its `float` is `float32`). */
export const DTYPES = [
  'float16',
  'float32',
  'float64',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'bool',
] as const;
export type DType = (typeof DTYPES)[number];
