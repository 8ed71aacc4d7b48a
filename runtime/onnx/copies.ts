import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { elementBytes } from './dtypes.ts';
import { externalEntry, isExternal } from './external.ts';
import type { OnnxModel } from './model.ts';
import type { TensorProto } from './proto.ts';

/** At how many places two matrices are compared: trained numbers agree there only if they agree everywhere. */
const PLACES = 64;

/** How far apart these are, counted through: prime, so that none comes twice. */
const STRIDE = 104729;

/** What leaves the numbers of tokens what they are. */
const PASSES_ON = new Set(['Cast', 'Flatten', 'Identity', 'Reshape', 'Squeeze', 'Unsqueeze']);

/** An initializer that holds the matrix of another one. */
export interface Copy {
  readonly name: string;
  readonly isTransposed: boolean;
}

/**
 * The initializers that hold the same matrix once more, of a parameter that modules share: transposed, as exporters write it
 * for the module that multiplies by the transpose (an unembedding that is tied to the embedding), and as it is, where
 * encoder and decoder are files of their own.
 */
export function copiesOf(model: OnnxModel, name: string): readonly Copy[] {
  const { initializers, folder } = model;
  const matrix = initializers.get(name);
  if (matrix?.dims.length !== 2) return [];
  const [rows, columns] = matrix.dims.map(Number) as [number, number];
  const count = rows * columns;
  const places = Array.from({ length: Math.min(PLACES, count) }, (_, i) => {
    const position = (i * STRIDE) % count;
    return [Math.floor(position / columns), position % columns] as const;
  });
  const at = (tensor: TensorProto, isTransposed: boolean) =>
    elementsAt(
      tensor,
      folder,
      places.map(([row, column]) => (isTransposed ? column * rows + row : row * columns + column)),
    );
  let own: readonly string[] | null = null;
  const holds = (tensor: TensorProto, isTransposed: boolean): boolean => {
    own ??= at(matrix, false);
    // Zeros, ones and identities are alike by accident: they have not been trained.
    if (own.length === 0 || new Set(own).size <= places.length / 2) return false;
    const theirs = at(tensor, isTransposed);
    return own.every((bytes, i) => bytes === theirs[i]);
  };
  const found: Copy[] = [];
  for (const other of initializers.values()) {
    if (other === matrix || other.dims.length !== 2 || other.dataType !== matrix.dataType) continue;
    const has = (height: number, width: number) => Number(other.dims[0]) === height && Number(other.dims[1]) === width;
    if (has(columns, rows) && holds(other, true)) found.push({ name: other.name, isTransposed: true });
    // The numbers of positions are alike by a formula, in tables that are none the less each a parameter.
    else if (has(rows, columns) && isOfTokens(model, name) && isOfTokens(model, other.name) && holds(other, false))
      found.push({ name: other.name, isTransposed: false });
  }
  return found;
}

/** Whether a matrix is multiplied by, or the inputs of the model are looked up in it. */
function isOfTokens({ graph, links }: OnnxModel, matrix: string): boolean {
  const isInput = (tensor: string): boolean => {
    const maker = graph.node[links.maker.get(tensor) ?? -1];
    if (!maker) return !links.constant.has(tensor);
    return PASSES_ON.has(maker.opType) && isInput(maker.input[0]!);
  };
  return (links.readers.get(matrix) ?? []).some((reader) => {
    const { opType, input } = graph.node[reader]!;
    if (opType === 'Gather') return input[0] === matrix && isInput(input[1]!);
    return (opType === 'MatMul' || opType === 'Gemm') && input[1] === matrix;
  });
}

/** The bytes of some elements as text; nothing for a tensor whose elements are not there as bytes. */
function elementsAt(tensor: TensorProto, folder: string, positions: readonly number[]): string[] {
  const size = elementBytes(tensor.dataType);
  if (size === null) return [];
  const bytes = Buffer.alloc(size);
  if (!isExternal(tensor)) {
    const { rawData } = tensor;
    if (rawData.length === 0) return [];
    return positions.map((position) =>
      Buffer.from(rawData.subarray(position * size, (position + 1) * size)).toString('hex'),
    );
  }
  const start = Number(externalEntry(tensor, 'offset') ?? 0);
  const file = openSync(join(folder, externalEntry(tensor, 'location')!), 'r');
  try {
    return positions.map((position) => {
      readSync(file, bytes, 0, size, start + position * size);
      return bytes.toString('hex');
    });
  } finally {
    closeSync(file);
  }
}
