import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { atLocation, externalEntry, isExternal, withData, withoutData } from '../../onnx/external.ts';
import type { OnnxModel } from '../../onnx/model.ts';
import type { ModelProto } from '../../onnx/proto.ts';
import { mapTensors, tensorsOf } from '../../onnx/tensors.ts';
import { BundleError } from '../error.ts';
import type { BundleFile } from '../manifest-types.ts';

/** A file with weights of a bundle, under its name there: a file of the model, or data that is written with the bundle. */
export type WeightFile = { readonly file: BundleFile } & ({ readonly source: string } | { readonly data: Uint8Array });

/** Data that a block captured stands in a file of its own from this size on, as ONNX's own tools have it. */
const LARGE = 1024;
/** Where hosts can map a tensor's bytes into memory. */
const PAGE = 4096;

/** The largest size of a file that is one protobuf message. */
const LARGEST = 2 ** 31 - 2 ** 20;

/** A model with all weights inside. Throws a BundleError if they are too large for one file, which ends in `remedy`. */
export function embedWeights(
  proto: ModelProto,
  { folder }: Pick<OnnxModel, 'folder'>,
  remedy = 'Compile with --weights link.',
): ModelProto {
  const files = new Map<string, number>();
  const total = tensorsOf(proto)
    .filter(isExternal)
    .reduce((sum, tensor) => sum + Number(externalEntry(tensor, 'length') ?? 0), 0);
  if (total > LARGEST) {
    throw new BundleError(`The weights are ${total} bytes, and one ONNX file holds ${LARGEST} at most. ${remedy}`);
  }
  try {
    return mapTensors(proto, (tensor) => {
      if (!isExternal(tensor)) return tensor;
      const location = externalEntry(tensor, 'location')!;
      const descriptor = files.get(location) ?? openSync(join(folder, location), 'r');
      files.set(location, descriptor);
      const offset = Number(externalEntry(tensor, 'offset') ?? 0);
      const length = Number(externalEntry(tensor, 'length') ?? statSync(join(folder, location)).size - offset);
      const rawData = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        const count = readSync(descriptor, rawData, done, length - done, offset + done);
        if (count === 0) throw new BundleError(`${join(folder, location)} is too short for the tensor ${tensor.name}.`);
        done += count;
      }
      return withData(tensor, rawData);
    });
  } finally {
    for (const descriptor of files.values()) closeSync(descriptor);
  }
}

/**
 * A model whose weights are beside it, in the files that they came from, and those files. Large data that was captured
 * stands in one more file.
 */
export async function linkWeights(
  proto: ModelProto,
  { folder }: Pick<OnnxModel, 'folder'>,
  modelFile: string,
): Promise<{ readonly proto: ModelProto; readonly files: readonly WeightFile[] }> {
  const locations = new Set(
    tensorsOf(proto)
      .filter(isExternal)
      .map((tensor) => externalEntry(tensor, 'location')!),
  );
  const names = new Map<string, string>();
  const taken = new Set([modelFile]);
  for (const location of [...locations].sort()) {
    let name = basename(location);
    while (taken.has(name)) name = `weights.${name}`;
    taken.add(name);
    names.set(location, name);
  }
  const linked = mapTensors(proto, (tensor) =>
    isExternal(tensor) ? atLocation(tensor, names.get(externalEntry(tensor, 'location')!)!) : tensor,
  );
  const files: WeightFile[] = [];
  for (const [location, path] of names) {
    const source = join(folder, location);
    files.push({ source, file: { path, bytes: statSync(source).size, sha256: await hashFile(source) } });
  }
  let name = `${basename(modelFile, '.onnx')}.data`;
  while (taken.has(name)) name = `captured.${name}`;
  const { proto: outside, data } = takeOut(linked, name);
  if (data.length > 0) {
    const sha256 = createHash('sha256').update(data).digest('hex');
    files.push({ data, file: { path: name, bytes: data.length, sha256 } });
  }
  return { proto: outside, files };
}

/** Puts the large initializers that are inside a model's file into a file `location` beside it. */
function takeOut(proto: ModelProto, location: string): { readonly proto: ModelProto; readonly data: Uint8Array } {
  const parts: Uint8Array[] = [];
  let end = 0;
  const graph = proto.graph!;
  const initializer = graph.initializer.map((tensor) => {
    if (isExternal(tensor) || tensor.rawData.length < LARGE) return tensor;
    const offset = Math.ceil(end / PAGE) * PAGE;
    parts.push(new Uint8Array(offset - end), tensor.rawData);
    end = offset + tensor.rawData.length;
    return withoutData(tensor, location, offset);
  });
  return { proto: { ...proto, graph: { ...graph, initializer } }, data: Buffer.concat(parts) };
}

export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}
