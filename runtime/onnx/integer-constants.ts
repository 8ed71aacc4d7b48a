import { TensorProto_DataType } from 'onnx-buf';
import type { OnnxModel } from './model.ts';
import type { NodeProto, TensorProto } from './proto.ts';

/** Operators that pass integers on unchanged. */
const HANDS_ON = new Set(['Unsqueeze', 'Squeeze', 'Reshape', 'Identity', 'Cast']);

/** Reads the elements of constants that hold integers; undefined for anything else. */
export function integerConstants(model: OnnxModel): (tensor: string) => readonly number[] {
  const read = (name: string): readonly number[] => {
    const initializer = model.initializers.get(name);
    if (initializer) return elements(initializer);
    const node = model.makerOf(name);
    if (node?.opType === 'Constant') return constantElements(node);
    return node && HANDS_ON.has(node.opType) ? read(node.input[0]!) : [];
  };
  return read;
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
