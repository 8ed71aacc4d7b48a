import { closeSync, fstatSync, openSync, realpathSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { TensorProto_DataType as T } from 'onnx-buf';
import { withOpenBranches } from './branches/open.ts';
import { unmerged, withCacheSwitches } from './cache-branches.ts';
import { withCheckedLoops } from './checked-loops.ts';
import { ModelError } from './error.ts';
import { checkExternal, checkRanges, externalEntry, isExternal } from './external.ts';
import { withFinalNormBesideLayers } from './final-norm.ts';
import { withFreeDims } from './free-dims.ts';
import type { CacheSizes } from './head-sizes.ts';
import { withInlinedFunctions } from './inline.ts';
import { withKeptPadding } from './kept-padding.ts';
import { lifted } from './lift.ts';
import { defaultOpset, OnnxModel } from './model.ts';
import { withOneLayout } from './one-layout.ts';
import { OpenedFiles } from './opened-files.ts';
import { withNamedReshapes } from './output-reshapes.ts';
import { decodeForeignModel, type GraphProto, type ModelProto } from './proto.ts';
import { checkNames } from './reserved-names.ts';
import { skim } from './skim.ts';
import { withDenseWeights } from './sparse.ts';
import { withSplitNodes } from './split-fused.ts';
import { statFile } from './stat-file.ts';
import { inOrder } from './structure.ts';
import { tensorsOf } from './tensors.ts';
import { WireError, WireReader } from './wire.ts';

/**
 * Reads the graph of an .onnx file and leaves its weights where they are.
 * Throws a ModelError that says what is wrong: no such file, not a file, empty, not ONNX, cut short, a Git LFS pointer,
 * external data that is missing, too short or outside the model's folder.
 */
export async function readModel(path: string, cache?: CacheSizes): Promise<OnnxModel> {
  const file = readFile(path, cache);
  return modelOf(file, file.proto);
}

/** The files beside an .onnx file that its weights stand in, relative to its folder. Throws as `readModel` does. */
export function weightFiles(path: string): string[] {
  const { real, proto } = readFile(path);
  const locations = tensorsOf(proto)
    .filter(isExternal)
    .flatMap((tensor) => externalEntry(tensor, 'location') ?? []);
  return [...new Set(locations)].filter((location) => location !== basename(real));
}

/** A decoder of which one run may go on from what another one has left. */
export interface ReadDecoder {
  /** Runs on tokens alone. */
  readonly first: OnnxModel;
  /** Runs on tokens and the cache of an earlier run; null where the file has no such part. */
  readonly later: OnnxModel | null;
}

/** The same for a decoder, which may be merged of one that has a cache and one that has none. */
export async function readDecoder(path: string, cache?: CacheSizes): Promise<ReadDecoder> {
  const file = readFile(path, cache);
  const parts = unmerged(file.proto);
  if (!parts) return { first: modelOf(file, file.proto), later: null };
  return { first: modelOf(file, parts.first), later: modelOf(file, parts.later) };
}

interface ReadFile {
  readonly cache?: CacheSizes | undefined;
  readonly path: string;
  readonly real: string;
  readonly files: OpenedFiles;
  readonly proto: ModelProto;
}

function readFile(path: string, cache?: CacheSizes): ReadFile {
  checkFile(path);
  const real = realpathSync(path);
  const files = new OpenedFiles();
  return { cache, path, real, files, proto: decode(path, readGraph(path, real, files)) };
}

function modelOf({ cache, path, real, files }: ReadFile, read: ModelProto): OnnxModel {
  const folder = dirname(real);
  if (read.graph) checkNames(path, read.graph);
  const proto = withFreeDims(canonical(withInlinedFunctions(lifted(withDenseWeights(read, path), path))));
  if (!proto.graph?.output.length) throw new ModelError(`${path} has no outputs`);
  checkOperatorSet(path, proto);
  checkElementTypes(path, proto.graph);
  const sorted = withCacheSwitches({ ...proto, graph: inOrder(path, proto.graph) });
  const { proto: open, origins } = withOpenBranches(sorted);
  const tensors = tensorsOf(open);
  checkRanges(tensors, path);
  checkExternal(
    tensors.filter((tensor) => !pointsInto(tensor.externalData, basename(real))),
    dirname(resolve(path)),
    folder,
    files,
  );
  const from = { path, folder, file: basename(real), files, ...(cache && { cache }) };
  const model = new OnnxModel(open, from, origins && { model: new OnnxModel(sorted, from), origins });
  // It may have been written to while it was read.
  model.checkFiles();
  return model;
}

/** A model in which the value of each module is a tensor. */
function canonical(proto: ModelProto): ModelProto {
  return withFinalNormBesideLayers(
    withNamedReshapes(withOneLayout(withSplitNodes(withCheckedLoops(withKeptPadding(proto))))),
  );
}

function checkOperatorSet(path: string, proto: ModelProto): void {
  const { opsetImport } = proto;
  if (opsetImport.length === 0) {
    throw new ModelError(`${path} does not say which operator set it uses: it may be cut short`);
  }
  const version = defaultOpset(proto);
  const remedy = `Export it again with opset_version=17, or convert it in Python: onnx.save(onnx.version_converter.convert_version(onnx.load('${path}'), 17), 'new.onnx')`;
  if (version === undefined) {
    const others = opsetImport.map(({ domain, version }) => `${domain} ${version}`).join(', ');
    throw new ModelError(`${path} uses the operator sets ${others} only: none of ONNX's own. ${remedy}`);
  }
}

/** A tensor's type need not be told, but one that is told is one that ONNX has. */
function checkElementTypes(path: string, { input, valueInfo, output }: GraphProto): void {
  for (const { name, type } of [...input, ...valueInfo, ...output]) {
    if (type?.value.case !== 'tensorType') continue;
    const { elemType } = type.value.value;
    if (elemType === T.UNDEFINED || T[elemType] === undefined)
      throw new ModelError(`${path} gives ${name} the element type ${elemType}, which ONNX does not have`);
  }
}

function pointsInto(entries: readonly { key: string; value: string }[], file: string): boolean {
  return entries.some(({ key, value }) => key === 'location' && value === file);
}

function checkFile(path: string): void {
  const stat = statFile(path);
  if (stat === undefined) throw new ModelError(`no such file: ${path}`);
  if (stat.isDirectory()) throw new ModelError(`${path} is a directory: name the .onnx file in it`);
  if (!stat.isFile()) throw new ModelError(`${path} is not a file`);
  if (stat.size === 0) throw new ModelError(`${path} is empty`);
}

const LFS = 'version https://git-lfs.github.com/spec/';

function readGraph(path: string, real: string, files: OpenedFiles): Uint8Array {
  const descriptor = openSync(real, 'r');
  try {
    const stat = fstatSync(descriptor, { bigint: true });
    files.add(real, stat);
    const reader = new WireReader(descriptor, Number(stat.size));
    const head = new TextDecoder().decode(reader.bytes(0, Math.min(LFS.length, reader.size)));
    if (head === LFS) {
      throw new ModelError(`${path} is a Git LFS pointer, not the model: fetch it with "git lfs pull"`);
    }
    return skim(reader, basename(real));
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new ModelError(
      error.truncated ? `${path} is cut short: ${error.message}` : `${path} is not an ONNX model: ${error.message}`,
    );
  } finally {
    closeSync(descriptor);
  }
}

function decode(path: string, bytes: Uint8Array): ModelProto {
  try {
    return decodeForeignModel(bytes);
  } catch (error) {
    throw new ModelError(`${path} is damaged: ${error instanceof Error ? error.message : error}`);
  }
}
