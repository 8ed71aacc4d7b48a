import { TraceError } from '../errors.ts';
import { GraphCopier } from '../graph/copy.ts';
import type { Extract } from '../graph/extract.ts';
import { forwardOf } from '../graph/forwards.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { type Rewritten, unchanged } from '../graph/passes/pass.ts';
import { siteOf } from '../graph/site.ts';
import type { Node, Region, Site, TensorType, Value } from '../graph/types.ts';
import { UNREACHED } from '../graph/unequal.ts';
import { type AnyTensor, Tensor } from '../tensor/tensor.ts';
import { setOperand } from './operands.ts';

/** What a value of a step that did not run is said to be, wherever something needs it. */
export const UNREACHED_USE =
  'a value of a step is used that did not run, as a stop token came before. Ask first whether the step has run, by what a loop over the steps collects, or give stopTokens: [].';

/**
 * A graph in whose bodies stands something for each value of a forward that did not run: an iteration or branch that does
 * not take it is computed without it, and one that takes it fails the run.
 * @param known the values that are there already
 */
export function withoutUnreached(graph: InterventionGraph, known: ReadonlySet<Value>): Rewritten {
  const { missing } = reachOf(graph.root, { known, gone: new Set(), running: null });
  return missing.size === 0 ? unchanged(graph) : new StandIns(graph, missing).run(graph.root.nodes);
}

/**
 * The part of an extract that can be computed without values that are not there. Throws a TraceError where one is written
 * into the forward that runs.
 * @param gone those of its operands that have no data
 * @param running the forward of the extract that runs; null if none does
 */
export function reachablePart({ graph, values }: Extract, gone: ReadonlySet<Value>, running: number | null): Extract {
  const { missing, nodes } = reachOf(graph.root, { known: new Set(), gone, running });
  const lost = graph.root.nodes.find(
    (node) => node.op === 'write' && forwardOf(node) === running && missing.has(node.inputs[0]!),
  );
  if (lost) throw unreachedUse(siteOf(lost));
  // What a write has an effect on may be what is not there.
  const lenient = (node: Node) =>
    node.op === 'write' ? { ...node, attributes: { ...node.attributes, lenient: true } } : node;
  const part = new StandIns(graph, missing);
  part.run(nodes.map(lenient));
  const there = Array.from(values).flatMap(([value, copy]) => {
    const made = missing.has(copy) ? undefined : part.values.get(copy);
    return made ? [[value, made] as const] : [];
  });
  return { graph: part.graph, outer: [], values: new Map(there) };
}

/** The error where something that runs needs a value of a step that did not. */
export function unreachedUse(site: Site | null): TraceError {
  return new TraceError(`${UNREACHED_USE[0]!.toUpperCase()}${UNREACHED_USE.slice(1)}`, site);
}

/** What is there before the nodes of a body run. */
interface Start {
  readonly known: ReadonlySet<Value>;
  /** The values that never will be. */
  readonly gone: ReadonlySet<Value>;
  /** The forward that runs, if any. */
  readonly running: number | null;
}

/** The values that cannot be computed, whatever conditions hold, and the nodes that can run. */
function reachOf({ nodes }: Region, { known, gone, running }: Start): { missing: ReadonlySet<Value>; nodes: Node[] } {
  const missing = new Set(gone);
  const opened = new Set(running === null ? [] : [running]);
  const there = nodes.filter((node) => {
    const isMet = (node.op !== 'read' && node.op !== 'write') || opened.has(forwardOf(node));
    const isThere = isMet && ![...needsOf(node), ...node.outputs].some((value) => missing.has(value));
    if (isThere && node.op === 'forward') opened.add(forwardOf(node));
    if (!isThere) for (const output of node.outputs) if (!known.has(output)) missing.add(output);
    return isThere;
  });
  return { missing, nodes: there };
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

  /** @param nodes those of the root that are copied; a save of what none of them makes is left out */
  run(nodes: readonly Node[]): Rewritten {
    for (const node of nodes) this.node(node, this.graph.root);
    const saves = this.source.saves.filter(({ value }) => this.values.has(value));
    for (const { name, value } of saves) this.graph.saves.push({ name, value: this.value(value) });
    return this;
  }

  override node(node: Node, region: Region): void {
    if (region === this.graph.root) {
      super.node(node, region);
      return;
    }
    const absent = node.inputs.filter((value) => this.missing.has(value));
    const before = absent.map((value) => this.values.get(value));
    for (const value of absent) this.values.set(value, this.standIn(region, value.type));
    super.node(node, region);
    absent.forEach((value, i) => {
      if (before[i]) this.values.set(value, before[i]);
      else this.values.delete(value);
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
