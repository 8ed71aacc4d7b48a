import { TraceError } from '../errors.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { usesOf } from '../graph/live.ts';
import { decide } from '../graph/passes/decide.ts';
import { type Rewritten, unchanged } from '../graph/passes/pass.ts';
import type { Node, NodeOf, Value } from '../graph/types.ts';
import { Tensor } from '../tensor/tensor.ts';
import { setOperand } from './operands.ts';

/**
 * A graph with truth values that only the run decides: whether a generation gets to a step. The forwards run first, with
 * what holds wherever they run; then it is known which conditions hold, and what depends on them is computed.
 */
export class LateGraph {
  /** What runs first: in it all conditions hold. */
  readonly early: Rewritten;
  /** What is to be kept of that: what is saved, and what the rest takes. */
  readonly kept: readonly Value[];
  /** The nodes that wait. */
  readonly left: ReadonlySet<Node>;
  private readonly graph: InterventionGraph;
  private readonly conditions: ReadonlySet<Value>;

  /**
   * @param conditions operands: bool, no dimensions
   * @param carried the values that the run itself needs
   */
  constructor(graph: InterventionGraph, conditions: ReadonlySet<Value>, carried: readonly Value[]) {
    this.graph = graph;
    this.conditions = conditions;
    const late = lateNodes(graph, conditions);
    checkPasses(late);
    const saved = graph.saves.map(({ value }) => value);
    const written = graph.root.nodes.flatMap((node) => (node.op === 'write' ? node.inputs : []));
    const needed = new Set(frontier(graph, [...written, ...carried], late).map(({ node }) => node!));
    this.left = new Set([...late].filter((node) => !needed.has(node) && node.op !== 'write'));
    // A function of the user is called once.
    const called = [...needed]
      .filter((node) => node.op === 'apply' && late.has(node))
      .flatMap(({ outputs }) => outputs);
    this.kept = [...frontier(graph, saved, late).filter((value) => !late.has(value.node!)), ...called];
    const holds = { truth: this.truths(() => true), without: this.left };
    this.early = conditions.size === 0 ? unchanged(graph) : decide(graph, holds);
  }

  /** The graph as it is once the conditions are known. */
  decided(holds: (condition: Value) => boolean): Rewritten {
    for (const condition of this.conditions) {
      setOperand(this.graph, condition.node as NodeOf<'operand'>, Tensor.from(holds(condition)));
    }
    return decide(this.graph, { truth: this.truths(holds) });
  }

  private truths(holds: (condition: Value) => boolean): (value: Value) => boolean | null {
    return (value) => (this.conditions.has(value) ? holds(value) : null);
  }
}

/** The nodes of the root that depend on a condition. */
function lateNodes({ root }: InterventionGraph, conditions: ReadonlySet<Value>): ReadonlySet<Node> {
  const values = new Set(conditions);
  const nodes = root.nodes.filter((node) => {
    const isLate = usesOf(node).some((value) => values.has(value));
    if (isLate) for (const output of node.outputs) values.add(output);
    return isLate;
  });
  return new Set(nodes);
}

/** A backward pass goes through what the forwards have left behind: it cannot wait. */
function checkPasses(late: ReadonlySet<Node>): void {
  const pass = [...late].find(({ op }) => op === 'backward');
  if (!pass) return;
  throw new TraceError(
    'The loss depends on whether a step of the generation runs, since a stop token may end it before. Call backward inside of the step, with what earlier steps have, or generate with { stopTokens: [] }, so that every step runs.',
    pass.site,
  );
}

/** Values of the root that are wanted, and all that late nodes need for them. */
function frontier({ root }: InterventionGraph, wanted: readonly Value[], late: ReadonlySet<Node>): Value[] {
  const made = new Set(root.nodes.filter(({ op }) => op !== 'operand').flatMap(({ outputs }) => outputs));
  const found = new Set<Value>();
  const open = [...wanted];
  for (let value = open.pop(); value; value = open.pop()) {
    if (found.has(value) || !made.has(value)) continue;
    found.add(value);
    if (late.has(value.node!)) open.push(...usesOf(value.node!));
  }
  return [...found];
}
