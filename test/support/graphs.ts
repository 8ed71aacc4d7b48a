import { InterventionGraph } from '../../runtime/graph/graph.ts';
import type { Node, Site, TensorType, Value } from '../../runtime/graph/types.ts';
import type { Locate, Located } from '../../runtime/lowering/address.ts';

const FLOATS: TensorType = { dtype: 'float32', shape: null };

/** Makes intervention graphs by hand, on the modules of the model that `locate` knows. */
export class GraphMaker {
  readonly graph = new InterventionGraph();
  private readonly forward: { readonly pass?: number };

  /** @param forward the number of the forward that reads, writes and calls belong to */
  constructor(forward = 0) {
    this.forward = forward === 0 ? {} : { pass: forward };
  }

  read(path: string, port = 'output', site: Site | null = null): Node {
    return this.add('read', [], 1, { ...address(path, port), ...this.forward }, site);
  }

  operand(): Node {
    const node = this.add('operand', [], 1);
    this.graph.operands.set(node, { dims: [], data: [1] });
    return node;
  }

  op(name: string, ...inputs: readonly Node[]): Node {
    return this.add(name, inputs, 1);
  }

  /** Calls a module on other values. */
  call(path: string, ...inputs: readonly Node[]): Node {
    return this.add('call', inputs, 1, { ...address(path, 'output'), ...this.forward });
  }

  write(path: string, value: Node, port = 'output', site: Site | null = null): Node {
    return this.add('write', [value], 0, { ...address(path, port), inplace: false, ...this.forward }, site);
  }

  save(node: Node): void {
    this.graph.saves.push({ name: `s${this.graph.saves.length}`, value: outputOf(node) });
  }

  private add(op: string, inputs: readonly Node[], outputs: number, attributes = {}, site: Site | null = null): Node {
    const types = Array.from({ length: outputs }, () => FLOATS);
    return this.graph.add(this.graph.root, op, inputs.map(outputOf), types, attributes, site);
  }
}

export function outputOf(node: Node): Value {
  return node.outputs[0]!;
}

function address(path: string, port: string) {
  return { path, port, index: 0, call: 0 };
}

/** Finds modules in a table: which nodes each has, and the tensors that enter and leave it. */
export function locateIn(modules: Readonly<Record<string, Omit<Located, 'tensor'>>>): Locate {
  return ({ path, port, index }) => {
    const module = modules[path]!;
    return { ...module, tensor: (port === 'input' ? module.inputs : module.outputs)[index]! };
  };
}
