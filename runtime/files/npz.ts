import { readFile } from 'node:fs/promises';
import type { DType } from '../graph/types.ts';
import type { AnyTensor, Returned } from '../tensor/tensor.ts';
import { TensorFileError } from './error.ts';
import { npyOf, parseNpy } from './npy.ts';
import { writeWhole } from './write.ts';

const EXTENSION = '.npy';

/** Tensors by name, as numpy's `savez` writes them: read them with `numpy.load`. */
export async function saveNpz(path: string, tensors: Readonly<Record<string, AnyTensor>>): Promise<void> {
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
export async function loadNpz(path: string): Promise<Record<string, Returned<DType>>> {
  const bytes = await readFile(path);
  const { unzipSync } = await import('fflate');
  const files = unzipped(() => unzipSync(bytes), path);
  return Object.fromEntries(
    Object.entries(files).map(([file, content]) => {
      const name = file.endsWith(EXTENSION) ? file.slice(0, -EXTENSION.length) : file;
      return [name, parseNpy(content, `${path}: ${file}`)];
    }),
  );
}

function unzipped(unzip: () => Record<string, Uint8Array>, path: string): Record<string, Uint8Array> {
  try {
    return unzip();
  } catch (error) {
    throw new TensorFileError(`${path} is not a .npz file, or damaged.`, { cause: error });
  }
}
