import { readFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import type { DType } from '../graph/types.ts';
import type { AnyTensor, Returned } from '../tensor/tensor.ts';
import { checkPath, checkTensors } from './check.ts';
import { TensorFileError } from './error.ts';
import { npyOf, parseNpy } from './npy.ts';
import { writeWhole } from './write.ts';
import { listZip } from './zip-entries.ts';

const EXTENSION = '.npy';
/** What the sizes and offsets of an archive can tell without its extension for large files, with room for its headers. */
const LARGEST = 2 ** 32 - 2 ** 24;

/** Tensors by name, as numpy's `savez` writes them: read them with `numpy.load`. */
export async function saveNpz(
  path: string,
  tensors: Readonly<Record<string, AnyTensor>>,
  ...more: readonly never[]
): Promise<void> {
  checkPath('saveNpz(path, tensors)', path, more);
  checkTensors('saveNpz(path, tensors)', tensors);
  const size = Object.values(tensors).reduce((sum, { raw }) => sum + raw.byteLength, 0);
  if (size > LARGEST) {
    throw new TensorFileError(`${path}: a .npz file holds up to 4 GB: write a .safetensors file.`);
  }
  const { zipSync } = await import('fflate');
  const entries = Object.entries(tensors).map(([name, tensor]) => [
    `${name}${EXTENSION}`,
    Buffer.concat(npyOf(tensor)),
  ]);
  await writeWhole(path, [zipSync(Object.fromEntries(entries), { level: 0 })]);
}

/**
 * What numpy's `savez` or `savez_compressed` wrote, by name.
 * @throws TensorFileError for a file that is damaged, or holds something else
 */
export async function loadNpz(path: string, ...more: readonly never[]): Promise<Record<string, Returned<DType>>> {
  checkPath('loadNpz(path)', path, more);
  const bytes = await readFile(path);
  const { unzipSync } = await import('fflate');
  const entries = unzipped(() => listZip(bytes), path);
  const files = unzipped(() => unzipSync(bytes), path);
  const names = entries.map(({ file }) => nameOf(file));
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new TensorFileError(`${path} has two tensors '${twice}'.`);
  return Object.fromEntries(
    entries.map(({ file, checksum }) => {
      const content = files[file];
      if (!content || crc32(content) !== checksum) {
        throw new TensorFileError(`${path} is damaged: the checksum of ${file} is another one.`);
      }
      return [nameOf(file), parseNpy(content, `${path}: ${file}`)];
    }),
  );
}

function nameOf(file: string): string {
  return file.endsWith(EXTENSION) ? file.slice(0, -EXTENSION.length) : file;
}

function unzipped<T>(unzip: () => T, path: string): T {
  try {
    return unzip();
  } catch (error) {
    throw new TensorFileError(`${path} is not a .npz file, or damaged.`, { cause: error });
  }
}
