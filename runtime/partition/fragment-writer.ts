import { renameReads } from '../onnx/captures.ts';
import { elementTypes } from '../onnx/element-types.ts';
import { externalEntry } from '../onnx/external.ts';
import { makeGraph, makeModelLike, makeValueInfo } from '../onnx/make.ts';
import { encodeModel, type TensorProto, type ValueInfoProto } from '../onnx/proto.ts';
import { isRandom } from '../onnx/randomness.ts';
import type { OnnxModel } from '../onnx/read.ts';
import type { Fragment } from './fragment.ts';

/** Writes fragments of a model as models of their own, whose weights stay in the original's file. */
export class FragmentWriter {
  readonly model: OnnxModel;
  private readonly types: ReadonlyMap<string, number>;
  private readonly inputs: ReadonlyMap<string, ValueInfoProto>;
  private readonly initializers: ReadonlyMap<string, TensorProto>;

  constructor(model: OnnxModel) {
    const { graph } = model;
    this.model = model;
    this.types = elementTypes(graph);
    this.inputs = new Map(graph.input.map((input) => [input.name, input]));
    this.initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  }

  /** Whether ONNX Runtime can be handed every tensor that enters a fragment: sequences, for one, cannot. */
  isPassable({ inputs, aliases }: Fragment): boolean {
    return [...inputs.keys()].every((name) => {
      const tensor = aliases.get(name) ?? name;
      return this.types.has(tensor) || this.inputs.has(tensor);
    });
  }

  write(fragment: Fragment): Uint8Array {
    const { proto, graph } = this.model;
    const nodes = fragment.nodes.map((index) => {
      const node = graph.node[index]!;
      const names = fragment.renamed.get(index);
      return names ? renameReads(node, (tensor) => names.get(tensor) ?? tensor) : node;
    });
    const initializers = [...fragment.initializers].flatMap((name) => this.initializers.get(name) ?? []);
    const inputs = [...fragment.inputs.keys()].map((name) => this.input(name, fragment.aliases.get(name) ?? name));
    const outputs = fragment.outputs.map((name) => makeValueInfo(name));
    return encodeModel(makeModelLike(proto, makeGraph('onnsight', nodes, inputs, outputs, initializers)));
  }

  /** Whether a fragment may give other results when it runs again. */
  isRandom({ nodes }: Fragment): boolean {
    return isRandom(nodes.map((index) => this.model.graph.node[index]!));
  }

  /** The bytes of some weights in their file. */
  bytes(initializers: Iterable<string>): number {
    let bytes = 0;
    for (const name of initializers) {
      const tensor = this.initializers.get(name);
      if (tensor) bytes += Number(externalEntry(tensor, 'length') ?? 0);
    }
    return bytes;
  }

  /** No shape is declared: what replaces a tensor, and what a module is called on, may have another one. */
  input(name: string, tensor = name): ValueInfoProto {
    return this.inputs.get(name) ?? makeValueInfo(name, this.types.get(tensor) ?? 0);
  }
}
