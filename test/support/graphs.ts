import { InterventionGraph } from '../../runtime/graph/graph.ts';
import type { Address, AttributesOf, Op, PlainOp } from '../../runtime/graph/ops.ts';
import type { Node, NodeOf, Region, Site, TensorType, Value } from '../../runtime/graph/types.ts';
import type { Locate, Located } from '../../runtime/lowering/address.ts';

const FLOATS: TensorType = { dtype: 'float32', shape: null };

/** The unusual properties of a read, a write or a call. */
interface Details {
  readonly port?: Address['port'];
  readonly site?: Site;
  readonly lenient?: boolean;
  /** The dims of the tensor that is read; else not even their number is known. */
  readonly dims?: readonly number[];
}

/** Makes intervention graphs by hand, on the modules of the model that `locate` knows. */
export class GraphMaker {
  readonly graph = new InterventionGraph();
  private readonly forward: number;

  /** @param forward the number of the forward that reads, writes and calls belong to */
  constructor(forward = 0) {
    this.forward = forward;
  }

  read(path: string, { port = 'output', site, dims }: Details = {}): Node {
    const type: TensorType = { dtype: 'float32', shape: dims ?? null };
    return this.add('read', [], [type], { ...address(path, port), forward: this.forward }, site);
  }

  /** An element or a row, by an integer for each of the first dimensions. */
  item(node: Node, index: readonly number[], site: Site | null = null): Node {
    const operands = index.map((at) => {
      const type: TensorType = { dtype: 'int64', shape: [], constant: [at] };
      const operand = this.add('operand', [], [type], { dtype: 'int64' });
      this.graph.operands.set(operand, { dims: [], data: [at] });
      return operand;
    });
    const shape = outputOf(node).type.shape!.slice(index.length);
    const attributes = { items: index.map(() => ({ kind: 'int' as const })) };
    return this.add('getitem', [node, ...operands], [{ dtype: 'float32', shape }], attributes, site);
  }

  /** A conditional with some results: in its branches a value is negated, or made positive, for each of them. */
  choice(test: Node, value: Node, results: number, site: Site | null = null): Node {
    const regions = (['neg', 'abs'] as const).map((op) => {
      const region: Region = { parameters: [], nodes: [], results: [] };
      for (let i = 0; i < results; i++) {
        const made = this.graph.add(region, op, [outputOf(value)], [FLOATS], {}, site);
        region.results.push(made.outputs[0]!);
      }
      return region;
    });
    const types = Array.from({ length: results }, () => FLOATS);
    return this.graph.add(this.graph.root, 'if', [outputOf(test)], types, {}, site, regions);
  }

  /** A conditional in one of whose branches functions of the user are called, one on what the other gives. */
  applying(test: Node, value: Node, side: 0 | 1, functions: number, site: Site | null = null): Node {
    const applied: Region = { parameters: [], nodes: [], results: [] };
    let last = this.graph.add(applied, 'neg', [outputOf(value)], [FLOATS], {}, site).outputs[0]!;
    for (let i = 0; i < functions; i++) {
      last = this.graph.add(applied, 'apply', [last], [FLOATS], { guarded: false }, site).outputs[0]!;
    }
    applied.results.push(this.graph.add(applied, 'abs', [last], [FLOATS], {}, site).outputs[0]!);
    const other: Region = { parameters: [], nodes: [], results: [outputOf(value)] };
    const regions = side === 0 ? [applied, other] : [other, applied];
    return this.graph.add(this.graph.root, 'if', [outputOf(test)], [FLOATS], {}, site, regions);
  }

  operand(): Node {
    const node = this.add('operand', [], [FLOATS], { dtype: 'float32' });
    this.graph.operands.set(node, { dims: [], data: [1] });
    return node;
  }

  op(name: PlainOp, ...inputs: readonly Node[]): Node {
    return this.add(name, inputs, [FLOATS], {});
  }

  /** Calls a module on other values. */
  call(path: string, ...inputs: readonly Node[]): Node {
    return this.add('call', inputs, [FLOATS], { ...address(path, 'output'), forward: this.forward });
  }

  write(path: string, value: Node, { port = 'output', site, lenient = false }: Details = {}): Node {
    const attributes = { ...address(path, port), forward: this.forward, inplace: false, lenient };
    return this.add('write', [value], [], attributes, site);
  }

  save(node: Node): void {
    this.graph.saves.push({ name: `s${this.graph.saves.length}`, value: outputOf(node) });
  }

  private add<O extends Op>(
    op: O,
    inputs: readonly Node[],
    types: readonly TensorType[],
    attributes: AttributesOf<O>,
    site: Site | null = null,
  ): Node {
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
