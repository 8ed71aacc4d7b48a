import { realpathSync, statSync } from 'node:fs';
import { isAbsolute, join, relative, sep } from 'node:path';
import { TensorProto_DataLocation } from 'onnx-buf';
import { bytesOfElements } from './bytes-of-elements.ts';
import { elementTypeName } from './dtypes.ts';
import { ModelError } from './error.ts';
import { makeMetadata } from './make.ts';
import type { OpenedFiles } from './opened-files.ts';
import type { TensorProto } from './proto.ts';

/** Whether a tensor's data stands outside the graph: in the model's own file or in another one. */
export function isExternal(tensor: TensorProto): boolean {
  return tensor.dataLocation === TensorProto_DataLocation.EXTERNAL;
}

/** One entry of a tensor's external data (`location`, `offset`, `length`), or undefined. */
export function externalEntry(tensor: TensorProto, key: string): string | undefined {
  return tensor.externalData.find((entry) => entry.key === key)?.value;
}

/** How many bytes of a tensor's data stand outside the graph, as far as it says so. */
export function bytesInFile(tensor: TensorProto): number {
  return Number(externalEntry(tensor, 'length') ?? 0);
}

/** A tensor whose data stands in another file, at the same place in it. */
export function atLocation(tensor: TensorProto, location: string): TensorProto {
  const externalData = tensor.externalData.map((entry) =>
    entry.key === 'location' ? { ...entry, value: location } : entry,
  );
  return { ...tensor, externalData };
}

/** A tensor whose data, now inside of it, stands in a file. */
export function withoutData(tensor: TensorProto, location: string, offset: number): TensorProto {
  const entries = { location, offset: String(offset), length: String(tensor.rawData.length) };
  return {
    ...tensor,
    rawData: new Uint8Array(),
    externalData: makeMetadata(entries),
    dataLocation: TensorProto_DataLocation.EXTERNAL,
  };
}

/** A tensor with its data inside of it. */
export function withData(tensor: TensorProto, rawData: Uint8Array<ArrayBuffer>): TensorProto {
  return { ...tensor, rawData, externalData: [], dataLocation: TensorProto_DataLocation.DEFAULT };
}

/**
 * Sees to it that every tensor whose data stands outside the graph says how many bytes it takes: as many as its elements do.
 * Throws a ModelError that names the file and the tensor where it says otherwise, or where an offset is none.
 */
export function checkRanges(tensors: readonly TensorProto[], path: string): void {
  for (const tensor of tensors) {
    if (!isExternal(tensor)) continue;
    for (const key of ['offset', 'length']) {
      const value = externalEntry(tensor, key) ?? '0';
      if (!/^\d+$/.test(value)) {
        throw new ModelError(
          `${path} gives the data of the tensor ${tensor.name} the ${key} ${JSON.stringify(value)}: it is a whole number of bytes, from 0 on`,
        );
      }
    }
    const bytes = bytesOfElements(tensor);
    if (bytes === null) continue;
    const told = bytesInFile(tensor);
    if (told === bytes) continue;
    // ONNX Runtime takes no length, and 0, for as many as there are elements.
    if (told !== 0) {
      throw new ModelError(
        `${path} gives the tensor ${tensor.name} ${told} bytes of data, but ${elementTypeName(tensor.dataType)} of dims [${tensor.dims.join(', ')}] takes ${bytes}: the file is damaged, or was not written to its end`,
      );
    }
    const others = tensor.externalData.filter(({ key }) => key !== 'length');
    tensor.externalData = [...others, ...makeMetadata({ length: String(bytes) })];
  }
}

/**
 * Checks that the file of every external tensor is there, is long enough and lies inside `folder`, and rewrites
 * locations that are links (a download cache keeps its files so) to what they point at, relative to `realFolder`. The files are
 * added to `files`.
 * Throws a ModelError that names the tensor and the file.
 */
export function checkExternal(
  tensors: readonly TensorProto[],
  folder: string,
  realFolder: string,
  files: OpenedFiles,
): void {
  const sizes = new Map<string, { location: string; size: number }>();
  for (const tensor of tensors) {
    if (!isExternal(tensor)) continue;
    const entry = tensor.externalData.find(({ key }) => key === 'location');
    if (entry === undefined) throw new ModelError(`the tensor ${tensor.name} has external data without a location`);
    const file = sizes.get(entry.value) ?? resolve(tensor.name, entry.value, folder, realFolder, files);
    sizes.set(entry.value, file);
    const end = Number(externalEntry(tensor, 'offset') ?? 0) + bytesInFile(tensor);
    if (end > file.size) {
      throw new ModelError(
        `${join(folder, entry.value)} is too short: the tensor ${tensor.name} reaches byte ${end} of ${file.size}`,
      );
    }
    entry.value = file.location;
  }
}

function resolve(tensor: string, location: string, folder: string, realFolder: string, files: OpenedFiles) {
  const path = join(folder, location);
  if (isAbsolute(location) || leaves(relative(folder, path))) {
    throw new ModelError(`the tensor ${tensor} points outside the model's folder: ${location}`);
  }
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat?.isFile() !== true) throw new ModelError(`${path} is missing: it holds the tensor ${tensor}`);
  const real = relative(realFolder, realpathSync(path));
  if (leaves(real)) {
    throw new ModelError(
      `the tensor ${tensor} points outside the model's folder: ${path} is a link to ${realpathSync(path)}`,
    );
  }
  files.add(realpathSync(path), stat);
  // ONNX writes locations with slashes on every system.
  return { location: real.split(sep).join('/'), size: Number(stat.size) };
}

function leaves(path: string): boolean {
  return path === '' || path === '..' || path.startsWith(`..${sep}`) || isAbsolute(path);
}
