import { forwardOf } from '../graph/forwards.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { usesOf } from '../graph/live.ts';
import type { Node, NodeOf, Value } from '../graph/types.ts';
import { Dependencies, type Vertex } from '../lowering/dependencies.ts';
import type { ForwardModel } from '../lowering/forward.ts';

/** What of a stage runs in one go: nodes inside one model, or a function of the user. */
export type Leg =
  | {
      readonly kind: 'forward';
      /** The forward whose model runs it. */
      readonly forward: number;
      readonly nodes: readonly Node[];
      /** The values that other legs need, or that are saved. */
      readonly saves: readonly Value[];
    }
  | { readonly kind: 'apply'; readonly node: NodeOf<'apply'> };

interface LegKey {
  /** How many changes between models, or to a function and back, come before. */
  readonly level: number;
  /** The forward, or the node of the function. */
  readonly owner: number | NodeOf<'apply'>;
}

/**
 * Splits a graph that calls other models or functions in the middle of a forward: a model runs up to the call, the call
 * runs, and the model runs again with what came of it. Throws a TraceError on a cycle and on writes without effect.
 */
export function legsOf(graph: InterventionGraph, models: readonly ForwardModel[]): Leg[] {
  const dependencies = new Dependencies(graph, models);
  const wanted = graph.saves.map(({ value }) => value);
  const applied = graph.root.nodes.filter(({ op }) => op === 'apply').flatMap(({ outputs }) => outputs);
  const order = dependencies.order([...wanted, ...applied]);
  dependencies.checkWrites(new Set(order));
  const keys = new Map<Vertex, LegKey>();
  for (const vertex of order) keys.set(vertex, legKey(vertex, dependencies, keys));
  const used = new Set(order);
  const legs = new Map<string, { key: LegKey; nodes: Node[] }>();
  for (const node of graph.root.nodes) {
    if (node.op === 'operand' || node.op === 'write' || node.op === 'forward' || !used.has(node)) continue;
    const at = keys.get(node)!;
    const key = `${at.level} ${typeof at.owner === 'number' ? at.owner : `apply ${at.owner.outputs[0]!.id}`}`;
    const leg = legs.get(key) ?? { key: at, nodes: [] };
    legs.set(key, leg);
    leg.nodes.push(node);
  }
  const sorted = [...legs.values()].sort((a, b) => a.key.level - b.key.level);
  return sorted.map(({ key: { level, owner }, nodes }): Leg => {
    if (typeof owner !== 'number') return { kind: 'apply', node: owner };
    const inside = new Set(nodes.flatMap(({ outputs }) => outputs));
    const others = sorted.filter((other) => other.nodes !== nodes).flatMap((other) => other.nodes);
    const taken = new Set([...wanted, ...others.flatMap(usesOf), ...fedValues(graph, used)]);
    const saves = [...inside].filter((value) => taken.has(value));
    // All writes that are known by now; a later one cannot matter here.
    const writes = graph.root.nodes
      .filter((node) => node.op === 'write')
      .filter(
        ({ attributes, inputs }) =>
          attributes.forward === owner &&
          used.has(inputs[0]!.node!) &&
          (keys.get(inputs[0]!.node!)?.level ?? 0) <= level,
      )
      // They have an effect in the stage; not each of them has one in each leg.
      .map((node) => ({ ...node, attributes: { ...node.attributes, lenient: true } }));
    return { kind: 'forward', forward: owner, nodes: [...nodes, ...writes], saves };
  });
}

function legKey(vertex: Vertex, dependencies: Dependencies, keys: ReadonlyMap<Vertex, LegKey>): LegKey {
  const needs = dependencies.needs(vertex).map((need) => keys.get(need)!);
  let owner: LegKey['owner'];
  if (typeof vertex === 'number') owner = dependencies.forwardOfModelNode(vertex);
  else if (vertex.op === 'apply') owner = vertex;
  else if (vertex.op === 'read') owner = forwardOf(vertex);
  else if (calledForward(vertex) !== null) owner = calledForward(vertex)!;
  else {
    // A plain node runs where the last of its inputs was made.
    const last = needs.reduce<LegKey | null>((a, b) => (a && a.level >= b.level ? a : b), null);
    owner = typeof last?.owner === 'number' ? last.owner : 0;
  }
  const level = Math.max(0, ...needs.map((need) => need.level + (need.owner === owner ? 0 : 1)));
  return { level, owner };
}

/** The forward whose modules a node, or one in its regions, calls. */
function calledForward(node: Node): number | null {
  if (node.op === 'call') return forwardOf(node);
  for (const { nodes } of node.regions) {
    for (const inner of nodes) {
      const forward = calledForward(inner);
      if (forward !== null) return forward;
    }
  }
  return null;
}

/** The values that go into other models and functions, or into a model by a write. */
function fedValues(graph: InterventionGraph, used: ReadonlySet<Vertex>): Value[] {
  return graph.root.nodes
    .filter((node) => node.op === 'forward' || (node.op === 'write' && used.has(node.inputs[0]!.node!)))
    .flatMap(({ inputs }) => inputs);
}
