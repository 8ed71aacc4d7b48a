import { realpathSync, statSync } from 'node:fs';
import { isAbsolute, join, relative, sep } from 'node:path';
import { TensorProto_DataLocation } from 'onnx-buf';
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
    const end = Number(externalEntry(tensor, 'offset') ?? 0) + Number(externalEntry(tensor, 'length') ?? 0);
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
