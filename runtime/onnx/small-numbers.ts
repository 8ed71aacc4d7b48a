import { TensorProto_DataType as T } from 'onnx-buf';
import { isExternal } from './external.ts';
import type { TensorProto } from './proto.ts';

/** How many elements a tensor may have to be read. */
const SMALL = 32;

/** The elements of a small tensor of numbers or truths; null for others, and for what stands in a file of its own. */
export function smallNumbers(tensor: TensorProto): readonly number[] | null {
  const { dataType, dims, rawData, floatData, int32Data, int64Data, doubleData } = tensor;
  const count = dims.reduce((product, dim) => product * Number(dim), 1);
  if (count > SMALL || isExternal(tensor)) return null;
  if (count === 0) return [];
  const listed = [floatData, int32Data, int64Data.map(Number), doubleData].find((list) => list.length > 0);
  if (listed) return [T.FLOAT, T.INT32, T.INT64, T.DOUBLE, T.BOOL].includes(dataType) ? listed : null;
  const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength);
  const read = READERS.get(dataType);
  return read ? Array.from({ length: count }, (_, i) => read(view, i)) : null;
}

const READERS: ReadonlyMap<number, (view: DataView, index: number) => number> = new Map([
  [T.FLOAT, (view: DataView, i: number) => view.getFloat32(4 * i, true)],
  [T.DOUBLE, (view: DataView, i: number) => view.getFloat64(8 * i, true)],
  [T.INT32, (view: DataView, i: number) => view.getInt32(4 * i, true)],
  [T.INT64, (view: DataView, i: number) => Number(view.getBigInt64(8 * i, true))],
  [T.BOOL, (view: DataView, i: number) => view.getUint8(i)],
]);
