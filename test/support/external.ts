import { create } from '@bufbuild/protobuf';
import { StringStringEntryProtoSchema, TensorProto_DataLocation } from 'onnx-buf';
import type { TensorProto } from '../../runtime/onnx/proto.ts';

/** A tensor whose data is in a file: all of it, or a number of bytes. */
export function inFile(tensor: TensorProto, location: string, offset = 0, length: number | null = null): TensorProto {
  const entries = { location, offset: String(offset), ...(length !== null && { length: String(length) }) };
  const externalData = Object.entries(entries).map(([key, value]) =>
    create(StringStringEntryProtoSchema, { key, value }),
  );
  return { ...tensor, rawData: new Uint8Array(0), externalData, dataLocation: TensorProto_DataLocation.EXTERNAL };
}
