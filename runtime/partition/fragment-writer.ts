import { bytesInFile } from '../onnx/external.ts';
import { makeGraph, makeModelLike, makeValueInfo } from '../onnx/make.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { ModelProto, ValueInfoProto } from '../onnx/proto.ts';
import { withRankedValues } from '../onnx/ranked-values.ts';
import { renameReads } from '../onnx/rename.ts';
import type { Fragment } from './fragment.ts';

/** Writes fragments of a model as models of their own, whose weights stay in the original's file. */
export class FragmentWriter {
  readonly model: OnnxModel;
  private readonly inputs: ReadonlyMap<string, ValueInfoProto>;

  constructor(model: OnnxModel) {
    this.model = model;
    this.inputs = new Map(model.graph.input.map((input) => [input.name, input]));
  }

  /** Whether ONNX Runtime can be handed every tensor that enters a fragment: sequences, for one, cannot. */
  isPassable({ inputs, aliases }: Fragment): boolean {
    return [...inputs.keys()].every((name) => {
      const tensor = aliases.get(name) ?? name;
      return this.model.elementTypes.has(tensor) || this.inputs.has(tensor);
    });
  }

  write(fragment: Fragment): ModelProto {
    const { proto, graph, initializers } = this.model;
    const nodes = fragment.nodes.map((index) => {
      const node = graph.node[index]!;
      const names = fragment.renamed.get(index);
      return names ? renameReads(node, (tensor) => names.get(tensor) ?? tensor) : node;
    });
    const weights = [...fragment.initializers].flatMap((name) => initializers.get(name) ?? []);
    const inputs = [...fragment.inputs.keys()].map((name) => this.input(name, fragment.aliases.get(name) ?? name));
    const outputs = fragment.outputs.map((name) => makeValueInfo(name));
    return makeModelLike(proto, makeGraph('onnsight', withRankedValues(nodes), inputs, outputs, weights));
  }

  /** Whether a fragment may give other results when it runs again. */
  isRandom({ nodes }: Fragment): boolean {
    return nodes.some((index) => this.model.draws(this.model.graph.node[index]!));
  }

  /** The bytes of some weights in their file. */
  bytes(initializers: Iterable<string>): number {
    let bytes = 0;
    for (const name of initializers) {
      const tensor = this.model.initializers.get(name);
      if (tensor) bytes += bytesInFile(tensor);
    }
    return bytes;
  }

  /** No shape is declared: what replaces a tensor, and what a module is called on, may have another one. */
  input(name: string, tensor = name): ValueInfoProto {
    return this.inputs.get(name) ?? makeValueInfo(name, this.model.elementTypes.get(tensor) ?? 0);
  }
}
