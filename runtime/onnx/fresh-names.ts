import type { GraphProto } from './proto.ts';
import { tensorNames } from './rename.ts';

/** Names for new tensors of a graph. */
export class FreshNames {
  readonly #taken: Set<string>;

  constructor(graph: GraphProto) {
    this.#taken = tensorNames(graph);
  }

  /** The name itself where no tensor has it yet, else with a number behind it. */
  take(name: string): string {
    let fresh = name;
    for (let count = 1; this.#taken.has(fresh); count++) fresh = `${name}_${count}`;
    this.#taken.add(fresh);
    return fresh;
  }

  /** A name for a tensor beside a node. It has no slashes: those would be read as paths of modules. */
  beside(node: { readonly name: string; readonly opType: string; readonly output: readonly string[] }, what: string) {
    return this.take(`${(node.name || `${node.opType}_${node.output[0]}`).replaceAll('/', ':')}:${what}`);
  }
}
