import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { bytesInFile, externalEntry, isExternal, withData } from './external.ts';
import { inlineBytes } from './inline-bytes.ts';
import { encodeModel, type ModelProto, type TensorProto } from './proto.ts';
import { mapTensors } from './tensors.ts';

const CHUNK = 1 << 20;

/**
 * A hash of what a model means: its graph and all its weights, wherever they stand, however they are written and whatever
 * their files are called. It reads every weight once.
 */
export function modelHash(proto: ModelProto, folder: string): string {
  const files = new Map<string, number>();
  const fileAt = (location: string) => {
    const descriptor = files.get(location) ?? openSync(join(folder, location), 'r');
    files.set(location, descriptor);
    return descriptor;
  };
  try {
    const digested = mapTensors(proto, (tensor) => {
      if (isExternal(tensor)) return withData(tensor, digestInFile(tensor, fileAt));
      const bytes = inlineBytes(tensor);
      return bytes.length === 0 ? tensor : withData({ ...tensor, ...NO_LISTS }, digest([bytes]));
    });
    return createHash('sha256')
      .update(encodeModel(withoutRemarks(digested)))
      .digest('hex');
  } finally {
    for (const descriptor of files.values()) closeSync(descriptor);
  }
}

/** The lists that a tensor's elements may stand in. */
const NO_LISTS = { floatData: [], doubleData: [], int32Data: [], int64Data: [], uint64Data: [] };

/** A model without what is said of it, and with its weights in the order of their names. */
function withoutRemarks(model: ModelProto): ModelProto {
  const { graph } = model;
  const byName = (a: TensorProto, b: TensorProto) => (a.name < b.name ? -1 : 1);
  return {
    ...model,
    producerName: '',
    producerVersion: '',
    modelVersion: 0n,
    domain: '',
    docString: '',
    metadataProps: [],
    ...(graph && { graph: { ...graph, docString: '', initializer: graph.initializer.toSorted(byName) } }),
  };
}

function digestInFile(tensor: TensorProto, fileAt: (location: string) => number): Uint8Array<ArrayBuffer> {
  const descriptor = fileAt(externalEntry(tensor, 'location')!);
  const start = Number(externalEntry(tensor, 'offset') ?? 0);
  return digest(chunks(descriptor, start, start + bytesInFile(tensor)));
}

function* chunks(descriptor: number, start: number, end: number): Generator<Uint8Array> {
  const chunk = Buffer.alloc(CHUNK);
  for (let at = start; at < end; ) {
    const count = readSync(descriptor, chunk, 0, Math.min(CHUNK, end - at), at);
    if (count === 0) return;
    yield chunk.subarray(0, count);
    at += count;
  }
}

function digest(parts: Iterable<Uint8Array>): Uint8Array<ArrayBuffer> {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}
