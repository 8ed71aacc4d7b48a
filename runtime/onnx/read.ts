import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { GraphProto, ModelProto, TensorProto, ValueInfoProto } from 'onnx-buf';
import type { DType } from '../graph/types.ts';
import { dtypeName } from './dtypes.ts';
import { ModelError } from './error.ts';
import { checkExternal } from './external.ts';
import { bodies } from './links.ts';
import { decodeModel } from './proto.ts';
import { skim } from './skim.ts';
import { WireError, WireReader } from './wire.ts';

/** An input or an output of a model. A dimension is a size, the name of a free one, or null; dims are null where even their number is free. */
export interface ModelTensor {
  readonly name: string;
  /** Null for what is no tensor, or has an element type without a name here. */
  readonly dtype: DType | null;
  readonly dims: readonly (number | string | null)[] | null;
}

/** An .onnx file: its graph, whose large weights are external data that points into the files they came from. */
export interface OnnxModel {
  /** The path it was read from. */
  readonly path: string;
  /** The folder that external data is relative to: what ONNX Runtime must be told when it is given `proto` as bytes. */
  readonly folder: string;
  /** The name of the file in `folder`. */
  readonly file: string;
  readonly proto: ModelProto;
  readonly graph: GraphProto;
  /** The version of the default operator set. */
  readonly opset: number;
  /** A hash of the graph and of where its weights stand (not of the weights). */
  readonly hash: string;
  /** Without initializers, which old models list among their inputs. */
  readonly inputs: readonly ModelTensor[];
  readonly outputs: readonly ModelTensor[];
}

/**
 * Reads the graph of an .onnx file and leaves its weights where they are.
 * Throws a ModelError that says what is wrong: no such file, not a file, empty, not ONNX, cut short, a Git LFS pointer,
 * external data that is missing, too short or outside the model's folder.
 */
export async function readModel(path: string): Promise<OnnxModel> {
  checkFile(path);
  const real = realpathSync(path);
  const folder = dirname(real);
  const bytes = readGraph(path, real);
  const proto = decode(path, bytes);
  const graph = proto.graph;
  if (graph === undefined || graph.output.length === 0) throw new ModelError(`${path} has no outputs`);
  const opset = operatorSet(path, proto);
  checkExternal(
    tensorsOf(graph).filter((tensor) => !pointsInto(tensor.externalData, basename(real))),
    dirname(resolve(path)),
    folder,
  );
  const initializers = new Set(graph.initializer.map(({ name }) => name));
  return {
    path,
    folder,
    file: basename(real),
    proto,
    graph,
    opset,
    hash: createHash('sha256').update(bytes).digest('hex'),
    inputs: graph.input.filter(({ name }) => !initializers.has(name)).map(modelTensor),
    outputs: graph.output.map(modelTensor),
  };
}

/** The oldest operator set whose operators take what is written here: reductions, Squeeze and others changed with 13. */
const OLDEST = 13;

/** The version of the default operator set, which ONNX writes as '' or 'ai.onnx'. */
function operatorSet(path: string, { opsetImport }: ModelProto): number {
  if (opsetImport.length === 0) {
    throw new ModelError(`${path} does not say which operator set it uses: it may be cut short`);
  }
  const version = opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version;
  const remedy = `Export it again with opset_version=17, or convert it in Python: onnx.save(onnx.version_converter.convert_version(onnx.load('${path}'), 17), 'new.onnx')`;
  if (version === undefined) {
    const others = opsetImport.map(({ domain, version }) => `${domain} ${version}`).join(', ');
    throw new ModelError(
      `${path} uses the operator sets ${others} only: none of ONNX's own, of which version ${OLDEST} or later is needed. ${remedy}`,
    );
  }
  if (Number(version) < OLDEST) {
    throw new ModelError(`${path} uses operator set ${version}, but ${OLDEST} or later is needed. ${remedy}`);
  }
  return Number(version);
}

/** The initializers of a graph and of the bodies in it. */
function tensorsOf(graph: GraphProto): TensorProto[] {
  return [...graph.initializer, ...graph.node.flatMap((node) => bodies(node).flatMap(tensorsOf))];
}

function pointsInto(entries: readonly { key: string; value: string }[], file: string): boolean {
  return entries.some(({ key, value }) => key === 'location' && value === file);
}

function checkFile(path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new ModelError(`no such file: ${path}`);
  if (stat.isDirectory()) throw new ModelError(`${path} is a directory: name the .onnx file in it`);
  if (!stat.isFile()) throw new ModelError(`${path} is not a file`);
  if (stat.size === 0) throw new ModelError(`${path} is empty`);
}

const LFS = 'version https://git-lfs.github.com/spec/';

function readGraph(path: string, real: string): Uint8Array {
  const descriptor = openSync(real, 'r');
  try {
    const reader = new WireReader(descriptor, fstatSync(descriptor).size);
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
    return decodeModel(bytes);
  } catch (error) {
    throw new ModelError(`${path} is damaged: ${error instanceof Error ? error.message : error}`);
  }
}

function modelTensor({ name, type }: ValueInfoProto): ModelTensor {
  if (type?.value.case !== 'tensorType') return { name, dtype: null, dims: null };
  const { elemType, shape } = type.value.value;
  const dims = shape?.dim.map(({ value }) =>
    value.case === 'dimValue'
      ? Number(value.value)
      : value.value === undefined || value.value === ''
        ? null
        : value.value,
  );
  return { name, dtype: dtypeName(elemType), dims: dims ?? null };
}
