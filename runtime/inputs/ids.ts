import { intAttribute } from '../onnx/attributes.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';

/** An id in an input that is out of range: the embedding table has no row for it. */
export interface WrongId {
  readonly input: string;
  readonly id: number;
  /** Its position in the input. */
  readonly at: readonly number[];
  readonly table: string;
  readonly rows: number;
}

/** Operators that pass ids on unchanged. */
const SAME_ELEMENTS = new Set(['Identity', 'Cast', 'Reshape', 'Unsqueeze', 'Squeeze', 'Flatten', 'Transpose']);

/** The first id that is out of range of the embedding it goes to, as far as the model's file tells. */
export function findWrongId(model: OnnxModel, inputs: ReadonlyMap<string, InputTensor>): WrongId | null {
  for (const [input, tensor] of inputs) {
    if (tensor.dtype !== 'int64' && tensor.dtype !== 'int32') continue;
    const table = tableOf(model, input);
    if (!table) continue;
    const position = tensor.raw.findIndex((id) => Number(id) < 0 || Number(id) >= table.rows);
    if (position < 0) continue;
    const id = Number(tensor.raw[position]);
    return { input, id, at: positionOf(position, tensor.dims), table: table.name, rows: table.rows };
  }
  return null;
}

interface Table {
  readonly name: string;
  readonly rows: number;
}

/** Looked for once: a model has many nodes, and may run on few numbers. */
const tables = new WeakMap<OnnxModel, Map<string, Table | null>>();

function tableOf(model: OnnxModel, input: string): Table | null {
  const known = tables.get(model) ?? new Map<string, Table | null>();
  tables.set(model, known);
  let table = known.get(input);
  if (table === undefined) {
    table = findTable(model, input);
    known.set(input, table);
  }
  return table;
}

/** The smallest of the tables whose rows the ids of an input select. */
function findTable({ graph, initializers }: OnnxModel, input: string): Table | null {
  const ids = new Set([input]);
  let found: Table | null = null;
  for (const node of graph.node) {
    const { opType, input: read, output } = node;
    if (SAME_ELEMENTS.has(opType) && ids.has(read[0] ?? '')) ids.add(output[0]!);
    if (opType !== 'Gather' || !ids.has(read[1] ?? '')) continue;
    const axis = intAttribute(node, 'axis') ?? 0;
    const dims = initializers.get(read[0]!)?.dims;
    if (axis !== 0 || dims?.length !== 2) continue;
    const rows = Number(dims[0]);
    if (!found || rows < found.rows) found = { name: read[0]!, rows };
  }
  return found;
}

function positionOf(index: number, dims: readonly number[]): number[] {
  let rest = index;
  return [...dims]
    .reverse()
    .map((size) => {
      const at = rest % size;
      rest = Math.floor(rest / size);
      return at;
    })
    .reverse();
}
