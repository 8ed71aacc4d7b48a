import { TensorProto_DataType } from 'onnx-buf';
import type { OnnxModel } from './model.ts';
import type { NodeProto, TensorProto } from './proto.ts';

/** Operators that pass integers on unchanged. */
const HANDS_ON = new Set(['Unsqueeze', 'Squeeze', 'Reshape', 'Identity', 'Cast']);

/** Reads the elements of constants that hold integers; undefined for anything else. */
export function integerConstants(model: OnnxModel): (tensor: string) => readonly number[] {
  return (name) => {
    let source = name;
    let node = model.makerOf(source);
    while (node && HANDS_ON.has(node.opType)) {
      source = node.input[0]!;
      node = model.makerOf(source);
    }
    const initializer = model.initializers.get(source);
    if (initializer) return elements(initializer);
    return node?.opType === 'Constant' ? constantElements(node) : [];
  };
}

function constantElements({ attribute }: NodeProto): readonly number[] {
  return attribute.flatMap(({ name, t, i, ints }) => {
    if (name === 'value' && t) return elements(t);
    if (name === 'value_int') return [Number(i)];
    return name === 'value_ints' ? ints.map(Number) : [];
  });
}

function elements({ dataType, int32Data, int64Data, rawData }: TensorProto): readonly number[] {
  const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength);
  if (dataType === TensorProto_DataType.INT64) {
    if (int64Data.length > 0) return int64Data.map(Number);
    return Array.from({ length: view.byteLength / 8 }, (_, i) => Number(view.getBigInt64(8 * i, true)));
  }
  if (dataType !== TensorProto_DataType.INT32) return [];
  if (int32Data.length > 0) return int32Data;
  return Array.from({ length: view.byteLength / 4 }, (_, i) => view.getInt32(4 * i, true));
}
