import { InterventionGraph } from '../../runtime/graph/graph.ts';
import type { Address, AttributesOf, Op, PlainOp } from '../../runtime/graph/ops.ts';
import type { Node, NodeOf, Site, TensorType, Value } from '../../runtime/graph/types.ts';
import type { Locate, Located } from '../../runtime/lowering/address.ts';

const FLOATS: TensorType = { dtype: 'float32', shape: null };

/** What of a read, a write or a call is not as usual. */
interface Details {
  readonly port?: Address['port'];
  readonly site?: Site;
  readonly lenient?: boolean;
}

/** Makes intervention graphs by hand, on the modules of the model that `locate` knows. */
export class GraphMaker {
  readonly graph = new InterventionGraph();
  private readonly forward: number;

  /** @param forward the number of the forward that reads, writes and calls belong to */
  constructor(forward = 0) {
    this.forward = forward;
  }

  read(path: string, { port = 'output', site }: Details = {}): Node {
    return this.add('read', [], 1, { ...address(path, port), forward: this.forward }, site);
  }

  operand(): Node {
    const node = this.add('operand', [], 1, { dtype: 'float32' });
    this.graph.operands.set(node, { dims: [], data: [1] });
    return node;
  }

  op(name: PlainOp, ...inputs: readonly Node[]): Node {
    return this.add(name, inputs, 1, {});
  }

  /** Calls a module on other values. */
  call(path: string, ...inputs: readonly Node[]): Node {
    return this.add('call', inputs, 1, { ...address(path, 'output'), forward: this.forward });
  }

  write(path: string, value: Node, { port = 'output', site, lenient = false }: Details = {}): Node {
    const attributes = { ...address(path, port), forward: this.forward, inplace: false, lenient };
    return this.add('write', [value], 0, attributes, site);
  }

  save(node: Node): void {
    this.graph.saves.push({ name: `s${this.graph.saves.length}`, value: outputOf(node) });
  }

  private add<O extends Op>(
    op: O,
    inputs: readonly Node[],
    outputs: number,
    attributes: AttributesOf<O>,
    site: Site | null = null,
  ): Node {
    const types = Array.from({ length: outputs }, () => FLOATS);
    const made: NodeOf<O> = this.graph.add(this.graph.root, op, inputs.map(outputOf), types, attributes, site);
    return made as Node;
  }
}

export function outputOf(node: Node): Value {
  return node.outputs[0]!;
}

function address(path: string, port: Address['port']): Address {
  return { path, port, index: 0, call: 0 };
}

/** Finds modules in a table: which nodes each has, and the tensors that enter and leave it. */
export function locateIn(modules: Readonly<Record<string, Omit<Located, 'tensor'>>>): Locate {
  return ({ path, port, index }) => {
    const module = modules[path]!;
    return { ...module, tensor: (port === 'input' ? module.inputs : module.outputs)[index]! };
  };
}
