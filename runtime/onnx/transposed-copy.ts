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

/**
 * The initializer that holds the same matrix transposed: exporters write one where two modules share a matrix and one of
 * them multiplies by its transpose (an unembedding that is tied to the embedding). Null where there is none.
 */
export function transposedCopy({ initializers, folder }: OnnxModel, name: string): string | null {
  const matrix = initializers.get(name);
  if (matrix?.dims.length !== 2) return null;
  const [rows, columns] = matrix.dims.map(Number) as [number, number];
  const count = rows * columns;
  const places = Array.from({ length: Math.min(PLACES, count) }, (_, i) => {
    const position = (i * STRIDE) % count;
    return [Math.floor(position / columns), position % columns] as const;
  });
  let own: string[] | null = null;
  for (const other of initializers.values()) {
    const isTurned = other.dims.length === 2 && Number(other.dims[0]) === columns && Number(other.dims[1]) === rows;
    if (other === matrix || !isTurned || other.dataType !== matrix.dataType) continue;
    own ??= elementsAt(
      matrix,
      folder,
      places.map(([row, column]) => row * columns + column),
    );
    const theirs = elementsAt(
      other,
      folder,
      places.map(([row, column]) => column * rows + row),
    );
    // Zeros, ones and identities are alike by accident: they have not been trained.
    const isTelling = new Set(own).size > places.length / 2;
    if (own.length > 0 && isTelling && own.every((bytes, i) => bytes === theirs[i])) return other.name;
  }
  return null;
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
