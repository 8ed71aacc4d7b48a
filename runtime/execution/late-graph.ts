import { TraceError } from '../errors.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { usesOf } from '../graph/live.ts';
import { decide } from '../graph/passes/decide.ts';
import { type Rewritten, unchanged } from '../graph/passes/pass.ts';
import { siteOf } from '../graph/site.ts';
import type { Node, NodeOf, Value } from '../graph/types.ts';
import type { AnyTensor } from '../tensor/tensor.ts';
import { setOperand } from './operands.ts';

/** Operands that are known only when the forwards have run. */
export interface LateOperands {
  /** Truth values (bool, no dimensions): whether a generation gets to a step. */
  readonly conditions: ReadonlySet<Value>;
  /** What a generation gives. */
  readonly outcomes: ReadonlySet<Value>;
}

/**
 * A graph with values that only the run tells. The forwards run first, with what holds wherever they run; then it is known
 * which conditions hold and what came out, and what depends on these is computed.
 */
export class LateGraph {
  /** What runs first: in it all conditions hold. */
  readonly early: Rewritten;
  /** What is to be kept of that: what is saved, and what the rest takes. */
  readonly kept: readonly Value[];
  /** The nodes that wait. */
  readonly left: ReadonlySet<Node>;
  private readonly graph: InterventionGraph;
  private readonly operands: LateOperands;

  /** @param carried the values that the run itself needs */
  constructor(graph: InterventionGraph, operands: LateOperands, carried: readonly Value[]) {
    this.graph = graph;
    this.operands = operands;
    if (!this.waits) {
      this.left = new Set();
      this.kept = [...new Set(graph.saves.map(({ value }) => value))].filter(({ node }) => node?.op !== 'operand');
      this.early = unchanged(graph);
      return;
    }
    const late = lateNodes(graph, [...operands.conditions, ...operands.outcomes]);
    checkPasses(late);
    checkWrites(lateNodes(graph, operands.outcomes));
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
    this.early = decide(graph, holds);
  }

  /** Whether there is anything that only the run tells. */
  get waits(): boolean {
    return this.operands.conditions.size + this.operands.outcomes.size > 0;
  }

  /** The graph as it is once its operands are known. */
  decided(known: (operand: Value) => AnyTensor): Rewritten {
    for (const operand of [...this.operands.conditions, ...this.operands.outcomes]) {
      setOperand(this.graph, operand.node as NodeOf<'operand'>, known(operand));
    }
    return decide(this.graph, { truth: this.truths((condition) => Boolean(known(condition).item())) });
  }

  private truths(holds: (condition: Value) => boolean): (value: Value) => boolean | null {
    return (value) => (this.operands.conditions.has(value) ? holds(value) : null);
  }
}

/** The nodes of the root that depend on an operand of these. */
function lateNodes({ root }: InterventionGraph, operands: Iterable<Value>): ReadonlySet<Node> {
  const values = new Set(operands);
  const nodes = root.nodes.filter((node) => {
    const isLate = usesOf(node).some((value) => values.has(value));
    if (isLate) for (const output of node.outputs) values.add(output);
    return isLate;
  });
  return new Set(nodes);
}

/** A backward pass goes through what the forwards have left behind: it cannot wait. */
function checkPasses(late: ReadonlySet<Node>): void {
  const set = [...late].find(({ op }) => op === 'setgrad');
  if (set) {
    throw new TraceError(
      'A gradient is set to something that depends on whether a step of the generation runs, or on its result. Set it to what its own step has, or generate with { stopTokens: [] }, so that every step runs.',
      siteOf(set),
    );
  }
  const pass = [...late].find(({ op }) => op === 'backward');
  if (!pass) return;
  throw new TraceError(
    'The loss depends on whether a step of the generation runs, since a stop token may end it before. Call backward inside of the step, with what earlier steps have, or generate with { stopTokens: [] }, so that every step runs.',
    pass.site,
  );
}

/** What a generation gives is known when all of it has run: it cannot change how it runs. */
function checkWrites(late: ReadonlySet<Node>): void {
  const written = [...late].find(({ op }) => op === 'write');
  if (!written) return;
  throw new TraceError(
    'The result of the generation is written into one of its own steps, which have all run before it is known. Save it and use it after the generation, or in a later trace of a session.',
    siteOf(written),
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
    if (late.has(value.node!)) for (const one of usesOf(value.node!)) open.push(one);
  }
  return [...found];
}
