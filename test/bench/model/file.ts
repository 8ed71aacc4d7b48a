import { closeSync, openSync, writeSync } from 'node:fs';
import { create, toBinary } from '@bufbuild/protobuf';
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
} from 'onnx-buf';
import type { Weight } from './weights.ts';

/** The numbers of the fields that are written by hand, and the type of all of them. */
const [MODEL_GRAPH, GRAPH_INITIALIZER, TENSOR_RAW_DATA, BYTES] = [7, 5, 9, 2];

const CHUNK = 1 << 20;

/**
 * Writes a model with its weights inside, as PyTorch's exporter does, one piece of a weight after the other: they are
 * never in memory together. Returns the weights as external data that points into the file.
 */
export function writeModelFile(path: string, location: string, model: ModelProto, weights: readonly Weight[]) {
  const graph = toBinary(GraphProtoSchema, model.graph!);
  const heads = weights.map(tensorHead);
  const length = weights.reduce((sum, weight, i) => sum + heads[i]!.length + byteLength(weight), graph.length);
  const { graph: _, ...rest } = model;
  const outside = toBinary(ModelProtoSchema, rest);
  const file = openSync(path, 'w');
  let offset = 0;
  const write = (bytes: Uint8Array) => {
    offset += writeSync(file, bytes);
  };
  try {
    write(outside);
    write(prefix(MODEL_GRAPH, length));
    write(graph);
    return weights.map((weight, i) => {
      write(heads[i]!);
      const start = offset;
      writeElements(weight, write);
      return external(weight, location, start);
    });
  } finally {
    closeSync(file);
  }
}

/** A model whose weights are external data. */
export function withInitializers(model: ModelProto, graph: Partial<GraphProto>): Uint8Array {
  return toBinary(ModelProtoSchema, { ...model, graph: { ...model.graph!, ...graph } });
}

function writeElements({ dims, at }: Weight, write: (bytes: Uint8Array) => void): void {
  const count = elements(dims);
  for (let start = 0; start < count; start += CHUNK) {
    const piece = new Float32Array(Math.min(CHUNK, count - start));
    for (let i = 0; i < piece.length; i++) piece[i] = at(start + i);
    write(new Uint8Array(piece.buffer));
  }
}

/** Everything of an initializer but its elements. */
function tensorHead(weight: Weight): Uint8Array {
  const tensor = toBinary(TensorProtoSchema, tensorOf(weight));
  const data = prefix(TENSOR_RAW_DATA, byteLength(weight));
  const length = tensor.length + data.length + byteLength(weight);
  return Buffer.concat([prefix(GRAPH_INITIALIZER, length), tensor, data]);
}

/** A field's number and the number of bytes that follow, as protobuf has them. */
function prefix(field: number, length: number): Uint8Array {
  const bytes = [(field << 3) | BYTES];
  let rest = length;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Uint8Array.from([...bytes, rest]);
}

function external(weight: Weight, location: string, offset: number): TensorProto {
  const entries = { location, offset: String(offset), length: String(byteLength(weight)) };
  const externalData = Object.entries(entries).map(([key, value]) =>
    create(StringStringEntryProtoSchema, { key, value }),
  );
  return create(TensorProtoSchema, {
    ...tensorOf(weight),
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData,
  });
}

function tensorOf({ name, dims }: Weight): TensorProto {
  return create(TensorProtoSchema, { name, dims: dims.map(BigInt), dataType: TensorProto_DataType.FLOAT });
}

const elements = (dims: readonly number[]) => dims.reduce((product, size) => product * size, 1);
const byteLength = ({ dims }: Weight) => 4 * elements(dims);
