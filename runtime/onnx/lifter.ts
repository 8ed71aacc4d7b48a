import { readsOf } from './captures.ts';
import { constantsIn } from './constants.ts';
import { dtypeName } from './dtypes.ts';
import type { Types } from './element-types.ts';
import { ModelError } from './error.ts';
import type { FreshNames } from './fresh-names.ts';
import { type Attributes, makeNode, makeTensor } from './make.ts';
import { changedNode, type GraphProto, type NodeProto, type TensorProto } from './proto.ts';
import { ranksIn } from './ranks.ts';

/** What is known around a graph. */
export interface Around {
  readonly path: string;
  readonly version: number;
  /** The operator set to export the model with where a node has no form in the new one. */
  readonly advised: number;
  readonly names: FreshNames;
  readonly types: Types;
}

/** Makes the nodes and constants that stand for old ones in a graph. */
export class Lifter {
  readonly constants: TensorProto[] = [];
  readonly rankOf: (tensor: string) => number | null;
  readonly #graph: GraphProto;
  readonly #around: Around;

  constructor(graph: GraphProto, around: Around) {
    this.#graph = graph;
    this.#around = around;
    this.rankOf = ranksIn(graph);
  }

  /** A constant list of whole numbers beside a node. */
  ints(node: NodeProto, what: string, values: readonly number[]): string {
    const name = this.name(node, what);
    this.constants.push(makeTensor(name, 'int64', values, [values.length]));
    return name;
  }

  /** A constant number of the element type of what the node reads. */
  scalar(node: NodeProto, what: string, value: number): string {
    const name = this.name(node, what);
    const dtype = dtypeName(this.#around.types.get(node.input[0]!) ?? 0) ?? 'float32';
    this.constants.push(makeTensor(name, dtype, [value], []));
    return name;
  }

  floats(node: NodeProto, what: string, values: readonly number[]): string {
    const name = this.name(node, what);
    this.constants.push(makeTensor(name, 'float32', values, [values.length]));
    return name;
  }

  name(node: NodeProto, what: string): string {
    return this.#around.names.beside(node, what);
  }

  /** The floats of a constant of the file; null where they are computed. */
  floatsOf(tensor: string): readonly number[] | null {
    const constant = constantsIn(this.#graph).get(tensor);
    if (constant === undefined) return null;
    const { floatData, rawData } = constant;
    if (floatData.length > 0) return floatData;
    const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength);
    return Array.from({ length: view.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
  }

  /** Whether a tensor is an output of the graph, or something in it reads it. */
  isUsed(tensor: string): boolean {
    const { node, output } = this.#graph;
    return output.some(({ name }) => name === tensor) || node.some((one) => readsOf(one).includes(tensor));
  }

  cannot(node: NodeProto, reason: string): ModelError {
    const { path, version, advised } = this.#around;
    const which = `its node ${node.name || node.output[0]} (${node.opType} of operator set ${version})`;
    return new ModelError(
      `${path} cannot be used: ${which} ${reason}. Export it again with opset_version=${advised}, or convert it in Python: onnx.version_converter.convert_version(model, ${advised})`,
    );
  }
}

/** A node with other inputs, without some of its attributes. */
export function changed(
  node: NodeProto,
  input: readonly string[],
  without: Iterable<string>,
  opType = node.opType,
): NodeProto {
  const dropped = new Set(without);
  const attribute = node.attribute.filter(({ name }) => !dropped.has(name));
  return changedNode(node, { opType, input: [...input], attribute });
}

export function withAttributes(node: NodeProto, attributes: Attributes): NodeProto {
  const { attribute } = makeNode('', [], [], attributes);
  return changedNode(node, { attribute: [...node.attribute, ...attribute] });
}
