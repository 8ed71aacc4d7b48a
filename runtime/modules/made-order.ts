import type { GraphProto } from '../onnx/proto.ts';

/**
 * The order in which an exporter made nodes. Optimizers put nodes elsewhere, and leave the numbers that exporters give
 * nodes of one kind in one scope: `/layers.0/Mul`, `/layers.0/Mul_1`.
 */
export class MadeOrder {
  readonly #graph: GraphProto;
  /** Whether the nodes of the file stand as the exporter made them, as far as their numbers tell. */
  readonly #isFileOrder: boolean;

  constructor(graph: GraphProto) {
    this.#graph = graph;
    const last = new Map<string, number>();
    this.#isFileOrder = graph.node.every(({ name }) => {
      const { stem, number } = numbered(name);
      const isAfter = number >= (last.get(stem) ?? 0);
      last.set(stem, number);
      return isAfter;
    });
  }

  /**
   * Which of some tensors was made first: of the order of their makers, or else of the nodes that read them.
   * @param makers the node that makes each of the tensors
   * @param readers the nodes that read each of them
   * @returns the number of the tensor; null if nothing tells
   */
  first(makers: readonly number[], readers: readonly (readonly number[])[]): number | null {
    if (this.#isFileOrder) return 0;
    const stems = (nodes: readonly number[]) => new Map(nodes.map((node) => this.#numbered(node)));
    const of = [makers.map((maker) => stems([maker])), readers.map(stems)];
    for (const all of of) {
      const [shared] = [...all[0]!.keys()].filter((stem) => all.every((one) => one.has(stem)));
      if (shared === undefined) continue;
      const numbers = all.map((one) => one.get(shared)!);
      const least = Math.min(...numbers);
      if (numbers.filter((number) => number === least).length === 1) return numbers.indexOf(least);
    }
    return null;
  }

  #numbered(node: number): [stem: string, number: number] {
    const { stem, number } = numbered(this.#graph.node[node]!.name);
    return [stem, number];
  }
}

/** A name without the number at its end; the first of a kind has none. */
function numbered(name: string): { readonly stem: string; readonly number: number } {
  const [, stem, digits] = /^(.*?)(?:_(\d+))?$/s.exec(name)!;
  return { stem: stem!, number: Number(digits ?? 0) };
}
