import { forwardOf } from '../graph/forwards.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { withRegions } from '../graph/walk.ts';
import type { Locate } from '../lowering/address.ts';
import type { Rewritten } from '../onnx/gathered-rows.ts';
import type { ClosedForm, OnnxModel } from '../onnx/model.ts';

/** A model whose bodies were opened for their operations, as it stands in its file. */
export class ClosedModel implements Rewritten {
  readonly model: OnnxModel;
  readonly #open: OnnxModel;
  readonly #origins: readonly number[];
  readonly #tensors: ReadonlySet<string>;

  constructor(open: OnnxModel, { model, origins }: ClosedForm) {
    this.model = model;
    this.#open = open;
    this.#origins = origins;
    const { input, initializer, node } = this.model.graph;
    const given = [...input, ...initializer].map(({ name }) => name);
    this.#tensors = new Set([...given, ...node.flatMap(({ output }) => output)]);
  }

  readonly nodesOf = (index: number): readonly number[] => [this.#origins[index]!];

  /** Whether a graph reads and changes nothing that stands in a body: then this model does for it. */
  serves({ root }: InterventionGraph, forward: number, locate: Locate): boolean {
    return [...withRegions(root.nodes)].every((node) => {
      if ((node.op !== 'read' && node.op !== 'write' && node.op !== 'call') || forwardOf(node) !== forward) return true;
      const { tensor, nodes } = locate(node.attributes);
      const isHere = tensor === '' || this.#tensors.has(tensor);
      return isHere && (node.op === 'read' || nodes.every((one) => this.#isSame(one)));
    });
  }

  #isSame(index: number): boolean {
    return this.#open.graph.node[index] === this.model.graph.node[this.#origins[index]!];
  }
}
