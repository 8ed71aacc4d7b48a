import { bytesField, type Field, numberField, WIRE, WireError, type WireReader } from './wire.ts';

/** Weights longer than this stay in the file; shorter ones (shapes, scalars, biases) are worth having at hand. */
export const INLINE_BYTES = 1024;

/** Field numbers of onnx.proto, as far as skimming needs them. */
const MODEL = { irVersion: 1, graph: 7, opsetImport: 8 } as const;
const GRAPH = { initializer: 5 } as const;
const TENSOR = { dataType: 2, floatData: 4, rawData: 9, doubleData: 10, externalData: 13, dataLocation: 14 } as const;
/** The wire type of each field of ModelProto: if one differs, the file is something else. */
const MODEL_WIRE = new Map<number, number>([
  [MODEL.irVersion, WIRE.varint],
  [2, WIRE.bytes],
  [3, WIRE.bytes],
  [4, WIRE.bytes],
  [5, WIRE.varint],
  [6, WIRE.bytes],
  [MODEL.graph, WIRE.bytes],
  [MODEL.opsetImport, WIRE.bytes],
  [14, WIRE.bytes],
  [20, WIRE.bytes],
  [25, WIRE.bytes],
  [26, WIRE.bytes],
]);

const FLOAT = 1;
const DOUBLE = 11;
const EXTERNAL = 1;

/**
 * A ModelProto, encoded, without its large weights: each initializer of the main graph whose data is longer than
 * INLINE_BYTES is written as external data that points at its bytes in the file read, called `location`.
 * Throws a WireError where the file is not a ModelProto, or is only a part of one.
 */
export function skim(reader: WireReader, location: string): Uint8Array {
  const parts: Uint8Array[] = [];
  let hasGraph = false;
  try {
    for (const field of reader.fields(0, reader.size)) {
      const wire = MODEL_WIRE.get(field.number);
      if (wire !== undefined && wire !== field.wire) throw new WireError(`field ${field.number} has another type`);
      if (field.number === MODEL.graph) {
        hasGraph = true;
        parts.push(...bytesField(MODEL.graph, skimGraph(reader, field, location)));
      } else parts.push(reader.bytes(field.start, field.end));
    }
  } catch (error) {
    // Text and images too may begin with bytes that read as a field longer than the file: only a file that begins as a model is said to be cut short.
    const truncated = error instanceof WireError && error.truncated && beginsAsModel(reader);
    throw error instanceof WireError ? new WireError(error.message, truncated) : error;
  }
  if (!hasGraph) throw new WireError('it holds no graph', beginsAsModel(reader));
  return Buffer.concat(parts);
}

/** Every exporter writes the fields in order, so a model begins with its IR version: a small number. */
function beginsAsModel(reader: WireReader): boolean {
  const [tag, version] = reader.bytes(0, Math.min(2, reader.size));
  return tag === MODEL.irVersion * 8 + WIRE.varint && (version === undefined || (version > 0 && version < 64));
}

function skimGraph(reader: WireReader, graph: Field, location: string): Uint8Array[] {
  const parts: Uint8Array[] = [];
  // What stands between two large initializers is taken as it is, in one piece.
  let from = graph.payload;
  const takeUntil = (end: number) => {
    if (end > from) parts.push(reader.bytes(from, end));
  };
  for (const field of reader.fields(graph.payload, graph.end)) {
    if (field.number !== GRAPH.initializer || field.wire !== WIRE.bytes) continue;
    if (field.end - field.payload <= INLINE_BYTES) continue;
    takeUntil(field.start);
    parts.push(...bytesField(GRAPH.initializer, skimTensor(reader, field, location)));
    from = field.end;
  }
  takeUntil(graph.end);
  return parts;
}

function skimTensor(reader: WireReader, tensor: Field, location: string): Uint8Array[] {
  const fields = [...reader.fields(tensor.payload, tensor.end)];
  const type = fields.find((field) => field.number === TENSOR.dataType);
  const data = weights(fields, type === undefined ? 0 : reader.number(type));
  const kept = fields.filter((field) => field !== data).map((field) => reader.bytes(field.start, field.end));
  if (data === undefined) return kept;
  const entry = (key: string, value: string) =>
    bytesField(TENSOR.externalData, [
      ...bytesField(1, [new TextEncoder().encode(key)]),
      ...bytesField(2, [new TextEncoder().encode(value)]),
    ]);
  return [
    ...kept,
    ...entry('location', location),
    ...entry('offset', String(data.payload)),
    ...entry('length', String(data.end - data.payload)),
    numberField(TENSOR.dataLocation, EXTERNAL),
  ];
}

/** The field that holds a tensor's elements as they lie in memory: raw data, or a packed list of floats or doubles. */
function weights(fields: readonly Field[], type: number): Field | undefined {
  const long = fields.filter((field) => field.wire === WIRE.bytes && field.end - field.payload > INLINE_BYTES);
  const raw = long.find((field) => field.number === TENSOR.rawData);
  if (raw !== undefined) return raw;
  const typed = type === FLOAT ? TENSOR.floatData : type === DOUBLE ? TENSOR.doubleData : 0;
  const lists = fields.filter((field) => field.number === typed);
  return lists.length === 1 ? long.find((field) => field.number === typed) : undefined;
}
