import { GraphCopier } from '../graph/copy.ts';
import { forwardOf } from '../graph/forwards.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { type Rewritten, unchanged } from '../graph/passes/pass.ts';
import type { Node, Region, TensorType, Value } from '../graph/types.ts';
import { UNREACHED } from '../graph/unequal.ts';
import { type AnyTensor, Tensor } from '../tensor/tensor.ts';
import { setOperand } from './operands.ts';

/**
 * A graph in whose bodies stands something for each value of a forward that did not run: an iteration or branch that does
 * not take it is computed without it, and one that takes it fails the run.
 * @param known the values that are there already
 */
export function withoutUnreached(graph: InterventionGraph, known: ReadonlySet<Value>): Rewritten {
  const missing = missingValues(graph.root, known);
  return missing.size === 0 ? unchanged(graph) : new StandIns(graph, missing).run();
}

/** The values that cannot be computed, whatever conditions hold. */
function missingValues({ nodes }: Region, known: ReadonlySet<Value>): ReadonlySet<Value> {
  const missing = new Set<Value>();
  const opened = new Set<number>();
  for (const node of nodes) {
    const isMet = node.op !== 'read' || opened.has(forwardOf(node));
    const isThere = isMet && !needsOf(node).some((value) => missing.has(value));
    if (isThere && node.op === 'forward') opened.add(forwardOf(node));
    if (!isThere) for (const output of node.outputs) if (!known.has(output)) missing.add(output);
  }
  return missing;
}

/** The values without which a node cannot run: what only the bodies of conditionals take may not be needed. */
function needsOf(node: Node): readonly Value[] {
  if (node.op === 'if') return node.inputs;
  return [...node.inputs, ...node.regions.flatMap(({ nodes, results }) => [...nodes.flatMap(needsOf), ...results])];
}

class StandIns extends GraphCopier {
  private readonly missing: ReadonlySet<Value>;

  constructor(source: InterventionGraph, missing: ReadonlySet<Value>) {
    super(source);
    this.missing = missing;
  }

  run(): Rewritten {
    for (const node of this.source.root.nodes) this.node(node, this.graph.root);
    this.saves();
    return this;
  }

  override node(node: Node, region: Region): void {
    if (region === this.graph.root) {
      super.node(node, region);
      return;
    }
    const absent = node.inputs.filter((value) => this.missing.has(value));
    const before = absent.map((value) => this.value(value));
    for (const value of absent) this.values.set(value, this.standIn(region, value.type));
    super.node(node, region);
    absent.forEach((value, i) => {
      this.values.set(value, before[i]!);
    });
  }

  protected override region(source: Region, nodes = source.nodes, results = source.results): Region {
    const region = super.region(source, nodes, []);
    for (const value of results) {
      region.results.push(this.missing.has(value) ? this.standIn(region, value.type) : this.value(value));
    }
    return region;
  }

  /** A value of the type whose index is out of range: it fails where it is computed. */
  private standIn(region: Region, type: TensorType): Value {
    const dims = [1, ...(type.shape ?? []).map((dim) => dim ?? 1)];
    const size = dims.reduce((a, b) => a * b, 1);
    const blank = this.operand(Tensor.from(Array<number>(size).fill(0), type.dtype, dims));
    const index = this.operand(Tensor.from(UNREACHED, 'int64'));
    return this.graph.add(region, 'getitem', [blank, index], [type], { items: [{ kind: 'int' }] }, null).outputs[0]!;
  }

  private operand(tensor: AnyTensor): Value {
    const { dtype, dims } = tensor;
    const node = this.graph.add(this.graph.root, 'operand', [], [{ dtype, shape: dims }], { dtype }, null);
    setOperand(this.graph, node, tensor);
    return node.outputs[0]!;
  }
}
