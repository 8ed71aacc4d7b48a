import type { BundleTensor, Manifest } from '../manifest-types.ts';

/** The names that the Open Inference Protocol, and Triton behind `TYPE_`, have for dtypes. */
const DATATYPES: Readonly<Record<BundleTensor['dtype'], string>> = {
  bool: 'BOOL',
  float16: 'FP16',
  float32: 'FP32',
  float64: 'FP64',
  int8: 'INT8',
  int16: 'INT16',
  int32: 'INT32',
  int64: 'INT64',
  uint8: 'UINT8',
  uint16: 'UINT16',
  uint32: 'UINT32',
  uint64: 'UINT64',
};

/**
 * `config.pbtxt` of a bundle's model for Triton's ONNX Runtime backend. An output whose number of dimensions only the run
 * tells is left to the backend.
 */
export function tritonConfig({ name, source, files, inputs, parameters, outputs }: Manifest): string {
  const given = [...inputs.filter(({ used }) => used), ...parameters];
  const parts = [
    ...given.map((one) => tensor('input', one)),
    ...outputs.filter(({ dims }) => dims !== null).map((one) => tensor('output', one)),
  ];
  return `# Made by onnsight from ${source.file}:${source.line}:${source.column}. Change that and compile it again.
name: "${name}"
backend: "onnxruntime"
default_model_filename: "${files[0]!.path}"
max_batch_size: 0
${parts.join('\n')}
`;
}

/** Triton has no tensors without dimensions: a number is a list of one that is reshaped. */
function tensor(kind: 'input' | 'output', { name, dtype, dims }: BundleTensor): string {
  const sizes = dims?.map((dim) => (typeof dim === 'number' ? dim : -1)) ?? [-1];
  const shape = sizes.length === 0 ? 'dims: [ 1 ] reshape: { shape: [ ] }' : `dims: [ ${sizes.join(', ')} ]`;
  return `${kind} [ { name: ${JSON.stringify(name)} data_type: TYPE_${DATATYPES[dtype]} ${shape} } ]`;
}
