import { plainNode } from './branches/guarded.ts';
import { cacheSwitch } from './cache-branches.ts';
import { isStandard } from './domains.ts';
import { dtypeName, elementTypeName } from './dtypes.ts';
import { elementTypes } from './element-types.ts';
import { ModelError } from './error.ts';
import { isExternal } from './external.ts';
import { finalStates } from './final-states.ts';
import { type CacheSizes, withHeadSizes } from './head-sizes.ts';
import { type Links, linkGraph } from './links.ts';
import { modelHash } from './model-hash.ts';
import type { Dim, ModelTensor } from './model-tensor.ts';
import type { OpenedFiles } from './opened-files.ts';
import type { GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto } from './proto.ts';
import { drawingIn } from './randomness.ts';
import { tensorsOf } from './tensors.ts';
import { withWindows } from './windows.ts';

/** The file that a model was read from. */
export interface ModelFile {
  /** The path it was read from. */
  readonly path: string;
  /** The folder that external data is relative to: what ONNX Runtime must be told when it is given `proto` as bytes. */
  readonly folder: string;
  /** The name of the file in `folder`. */
  readonly file: string;
  /** The file, and those that its weights stand in, as they were when it was read. */
  readonly files: OpenedFiles;
  /** What stands beside it about its key-value cache. */
  readonly cache?: CacheSizes;
}

/** A model before its bodies were opened. */
export interface ClosedForm {
  readonly model: OnnxModel;
  /** For each node of the open form that which it comes from. */
  readonly origins: readonly number[];
}

/**
 * An .onnx file: its graph, whose large weights are external data that points into the files they came from, and facts
 * about the graph, which nothing may change. Each fact is worked out once, when it is first asked for.
 */
export class OnnxModel implements ModelFile {
  readonly path: string;
  readonly folder: string;
  readonly file: string;
  readonly files: OpenedFiles;
  readonly cache?: CacheSizes;
  readonly proto: ModelProto;
  readonly graph: GraphProto;
  /** The version of the default operator set. */
  readonly opset: number;
  /** Without initializers, which old models list among their inputs. */
  readonly inputs: readonly ModelTensor[];
  readonly outputs: readonly ModelTensor[];
  readonly initializers: ReadonlyMap<string, TensorProto>;
  /** Whether a node of the graph draws random numbers. */
  readonly draws: (node: NodeProto) => boolean;
  /** Whether weights stay in their files, where sessions read them. */
  readonly hasExternal: boolean;
  #links: Links | null = null;
  #elementTypes: ReadonlyMap<string, number> | null = null;
  #finalStates: ReadonlySet<string> | null = null;
  #hash: string | null = null;
  #plain: OnnxModel | null = null;

  /** The model as it stands in the file, where bodies of it are open here for what few traces look at. */
  readonly closed: ClosedForm | null;

  /** @param proto has a graph and imports a default operator set */
  constructor(proto: ModelProto, { path, folder, file, files, cache }: ModelFile, closed: ClosedForm | null = null) {
    this.closed = closed;
    this.path = path;
    this.folder = folder;
    this.file = file;
    this.files = files;
    if (cache) this.cache = cache;
    this.proto = proto;
    this.graph = proto.graph!;
    this.opset = Number(defaultOpset(proto));
    this.initializers = new Map(this.graph.initializer.map((tensor) => [tensor.name, tensor]));
    const declared = this.graph.input.filter(({ name }) => !this.initializers.has(name)).map(modelTensor);
    this.outputs = this.graph.output.map(modelTensor);
    this.draws = drawingIn(this.graph, proto.functions);
    this.inputs = withWindows(withHeadSizes(declared, this), this);
    this.hasExternal = tensorsOf(proto).some(isExternal);
  }

  /** A hash of the graph and all weights. It is worked out when it is first asked for: that reads the whole file. */
  get hash(): string {
    if (this.#hash === null) {
      this.checkFiles();
      this.#hash = modelHash(this.proto, this.folder);
    }
    this.checkFiles();
    return this.#hash;
  }

  /** The same for those who open no file: faster by far. */
  checkHeldFiles(): void {
    if (this.files.haveChanged()) this.checkFiles();
  }

  /** Throws a ModelError if a file of the model is no longer what was read. */
  checkFiles(): void {
    const changed = this.files.changed();
    if (changed !== null) throw new ModelError(`${changed} after the model was opened. Load the model again.`);
  }

  /**
   * The same model with the nodes of its branches as they stand there, as if all ran: what modules and shapes are read from.
   * Node by node it has what this one has.
   */
  get plain(): OnnxModel {
    if (this.#plain) return this.#plain;
    const node = this.graph.node.map(plainNode);
    const isSame = node.every((one, i) => one === this.graph.node[i]);
    this.#plain = isSame ? this : new OnnxModel({ ...this.proto, graph: { ...this.graph, node } }, this, this.closed);
    return this.#plain;
  }

  /** Who makes and who reads each tensor. */
  get links(): Links {
    this.#links ??= linkGraph(this.graph, this.draws);
    return this.#links;
  }

  /** The final states of the model's recurrent operators. */
  get finalStates(): ReadonlySet<string> {
    this.#finalStates ??= finalStates(this.graph);
    return this.#finalStates;
  }

  /** Whether the model may give other results when it runs again. */
  get isRandom(): boolean {
    return this.graph.node.some(this.draws);
  }

  /** The node that makes a tensor; undefined for inputs and initializers. */
  makerOf(tensor: string): NodeProto | undefined {
    return this.graph.node[this.links.maker.get(tensor) ?? -1];
  }

  /** The ONNX element type of each tensor, as far as operators tell it. */
  get elementTypes(): ReadonlyMap<string, number> {
    this.#elementTypes ??= elementTypes(this.graph);
    return this.#elementTypes;
  }
}

/** The version of the default operator set that a model imports; undefined where it imports none. */
export function defaultOpset({ opsetImport }: ModelProto): bigint | undefined {
  return opsetImport.find(isStandard)?.version;
}

function modelTensor(info: ValueInfoProto): ModelTensor {
  const { name, type } = info;
  const asked = cacheSwitch(info);
  if (type?.value.case !== 'tensorType') return { name, dtype: null, dims: null };
  const { elemType, shape } = type.value.value;
  const dims = shape?.dim.map(({ value }): Dim => {
    if (value.case === 'dimValue') return Number(value.value);
    return value.value === undefined || value.value === '' ? null : value.value;
  });
  const dtype = dtypeName(elemType);
  return {
    name,
    dtype,
    ...(dtype === null && { element: elementTypeName(elemType) }),
    dims: dims ?? null,
    ...(asked !== null && { cacheSwitch: asked }),
  };
}
