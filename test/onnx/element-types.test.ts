import { TensorProto_DataType as T } from 'onnx-buf';
import { expect, test } from 'vitest';
import { nodeTypes } from '../../runtime/onnx/element-types.ts';
import { makeNode } from '../../runtime/onnx/make.ts';

/** What ONNX Runtime's schemas say of operators whose outputs are of another type than their first input. */
test.each<[operator: string, inputs: readonly number[], outputs: readonly (number | undefined)[], domain?: string]>([
  ['QAttention', [T.UINT8, T.INT8, T.FLOAT], [T.FLOAT, T.FLOAT], 'com.microsoft'],
  ['MatMulIntegerToFloat', [T.UINT8, T.INT8, T.FLOAT, T.FLOAT], [T.FLOAT], 'com.microsoft'],
  ['MatMulIntegerToFloat', [T.UINT8, T.INT8, T.FLOAT16, T.FLOAT16], [T.FLOAT16], 'com.microsoft'],
  ['QGemm', [T.UINT8, T.FLOAT, T.UINT8, T.INT8, T.FLOAT, T.INT8, T.INT32], [T.FLOAT], 'com.microsoft'],
  ['QGemm', [T.UINT8, T.FLOAT, T.UINT8, T.INT8, T.FLOAT, T.INT8, T.INT32, T.FLOAT, T.INT8], [T.INT8], 'com.microsoft'],
  ['QLinearConcat', [T.FLOAT, T.UINT8, T.UINT8, T.FLOAT, T.UINT8], [T.UINT8], 'com.microsoft'],
  [
    'QLinearWhere',
    [T.BOOL, T.UINT8, T.FLOAT, T.UINT8, T.UINT8, T.FLOAT, T.UINT8, T.FLOAT, T.UINT8],
    [T.UINT8],
    'com.microsoft',
  ],
  ['GroupQueryAttention', [T.FLOAT16, T.FLOAT16, T.FLOAT16, T.INT8, T.INT8], [T.FLOAT16, T.INT8, T.INT8]],
  ['SkipLayerNormalization', [T.FLOAT16, T.FLOAT16, T.FLOAT16], [T.FLOAT16, T.FLOAT, T.FLOAT, T.FLOAT16]],
  ['LayerNormalization', [T.FLOAT16, T.FLOAT16], [T.FLOAT16, T.FLOAT, T.FLOAT]],
  ['RMSNormalization', [T.FLOAT, T.FLOAT16], [T.FLOAT16]],
  ['Attention', [T.FLOAT, T.FLOAT, T.FLOAT16], [T.FLOAT, T.FLOAT, T.FLOAT16]],
  ['MelWeightMatrix', [T.INT64, T.INT64, T.INT64, T.FLOAT, T.FLOAT], [T.FLOAT]],
  ['TfIdfVectorizer', [T.INT64], [T.FLOAT]],
  ['StringSplit', [T.STRING], [T.STRING, T.INT64]],
  ['LabelEncoder', [T.STRING], [undefined], 'ai.onnx.ml'],
  ['Scaler', [T.INT64], [T.FLOAT], 'ai.onnx.ml'],
])('%s of %j makes %j', (operator, inputs, outputs, domain) => {
  const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  const types = new Map(inputs.map((type, i) => [`in${i}`, type]));
  const node = makeNode(operator, names('in', inputs.length), names('out', outputs.length));
  const made = nodeTypes({ ...node, ...(domain !== undefined && { domain }) }, types);
  expect(outputs.map((_, i) => made[i])).toEqual(outputs);
});
