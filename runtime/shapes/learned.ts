import type { TensorType } from '../graph/types.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { NodeProto } from '../onnx/proto.ts';
import { Alike } from './alike.ts';
import { elementwiseType, goTogether, isElementwise } from './elementwise.ts';
import { PerhapsScalars } from './perhaps-scalars.ts';

/** What is known of the types of a graph's tensors, node by node in their order. */
export class Learned {
  /** What ONNX Runtime has told, of a node or of one like it. */
  readonly found = new Map<string, TensorType>();
  /** All that is known; what may have dimensions that are not known has none here. */
  readonly known: Map<string, TensorType>;
  readonly perhaps: PerhapsScalars;
  readonly alike: Alike;
  /** The nodes whose types follow by a rule, all sizes of which were known when their turn came, and go together. */
  readonly closed: NodeProto[] = [];
  /** The others of those whose types follow by a rule. */
  readonly open: NodeProto[] = [];
  private readonly elementwise: ReadonlySet<NodeProto>;
  private readonly nodes: readonly NodeProto[];

  /** @param given the types of inputs and weights */
  constructor(model: OnnxModel, given: ReadonlyMap<string, TensorType>) {
    this.nodes = model.graph.node;
    this.known = new Map(given);
    this.perhaps = new PerhapsScalars(model.links, this.found);
    this.alike = new Alike(model, this.known);
    this.elementwise = new Set(this.nodes.filter((node) => isElementwise(node, model.elementTypes)));
  }

  hasRule(index: number): boolean {
    return this.elementwise.has(this.nodes[index]!);
  }

  /** Whether what a node makes is told by a rule, or by a node like it; then it is learned. */
  isTold(index: number): boolean {
    if (this.hasRule(index)) {
      const node = this.nodes[index]!;
      const isClosed = addElementwise(this.known, [node]);
      if (isClosed) {
        this.closed.push(node);
        this.alike.noteMade(index);
      }
      return isClosed;
    }
    const types = this.alike.find(index);
    if (types) this.add(index, types);
    return types !== null;
  }

  /** ONNX Runtime was asked for what a node makes, if there is no rule for it. */
  learn(index: number, types: ReadonlyMap<string, TensorType>): void {
    const node = this.nodes[index]!;
    if (this.hasRule(index)) {
      addElementwise(this.known, [node]);
      this.open.push(node);
      this.perhaps.add(node, index);
      this.alike.noteMade(index);
    } else {
      this.add(
        index,
        node.output.map((name) => types.get(name)),
      );
    }
  }

  private add(index: number, types: readonly (TensorType | undefined)[]): void {
    const node = this.nodes[index]!;
    const { found, known, perhaps } = this;
    node.output.forEach((name, i) => {
      if (types[i]) found.set(name, types[i]);
    });
    perhaps.add(node, index);
    node.output.forEach((name, i) => {
      if (types[i]) known.set(name, perhaps.has(name) ? { ...types[i], shape: null } : types[i]);
    });
    this.alike.learn(index, types);
  }
}

/**
 * Adds the types of what elementwise nodes make, in their order, as far as those of what they read are known.
 * @returns whether all sizes are known, and go together
 */
export function addElementwise(types: Map<string, TensorType>, nodes: readonly NodeProto[]): boolean {
  let isWhole = true;
  for (const node of nodes) {
    const type = elementwiseType(node, types);
    if (type !== null) types.set(node.output[0]!, type);
    isWhole &&= type !== null && goTogether(node, type, types);
  }
  return isWhole;
}
