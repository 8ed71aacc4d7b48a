import type { InterventionGraph } from '../graph/graph.ts';
import { usesOf } from '../graph/live.ts';
import type { Node, Value } from '../graph/types.ts';
import { Dependencies, type Unit } from '../lowering/dependencies.ts';
import { type PassModel, passOf } from '../lowering/forward-pass.ts';

/** A part of a stage that runs inside one model, or a function of the user. */
export interface Chunk {
  /** The pass whose model runs it. */
  readonly pass: number;
  /** The user's function to call, if it is that. */
  readonly apply: Node | null;
  readonly nodes: readonly Node[];
  readonly saves: readonly Value[];
}

/** Whether a stage is more than one run of one model. */
export function isComposite(nodes: readonly Node[]): boolean {
  return nodes.some(({ op }) => op === 'forward' || op === 'apply');
}

interface Place {
  /** How many changes between models, or to a function and back, come before. */
  readonly level: number;
  /** The pass, or the function's node. */
  readonly owner: number | Node;
}

/**
 * Splits a graph that calls other models or functions in the middle of a pass: a model runs up to the call, the call
 * runs, and the model runs again with what came of it. Throws a TraceError on a cycle and on writes without effect.
 */
export function chunksOf(graph: InterventionGraph, models: readonly PassModel[]): Chunk[] {
  const dependencies = new Dependencies(graph, models);
  const wanted = graph.saves.map(({ value }) => value);
  const applied = graph.root.nodes.filter(({ op }) => op === 'apply').flatMap(({ outputs }) => outputs);
  const order = dependencies.order([...wanted, ...applied]);
  dependencies.checkWrites(new Set(order), graph.lenient);
  const places = new Map<Unit, Place>();
  for (const unit of order) places.set(unit, place(unit, dependencies, places));
  const used = new Set(order);
  const chunks = new Map<string, { place: Place; nodes: Node[] }>();
  for (const node of graph.root.nodes) {
    if (node.op === 'operand' || node.op === 'write' || node.op === 'forward' || !used.has(node)) continue;
    const at = places.get(node)!;
    const key = `${at.level} ${typeof at.owner === 'number' ? at.owner : `apply ${at.owner.outputs[0]!.id}`}`;
    const chunk = chunks.get(key) ?? { place: at, nodes: [] };
    chunks.set(key, chunk);
    chunk.nodes.push(node);
  }
  const sorted = [...chunks.values()].sort((a, b) => a.place.level - b.place.level);
  return sorted.map(({ place: { level, owner }, nodes }) => {
    const inside = new Set(nodes.flatMap(({ outputs }) => outputs));
    const others = sorted.filter((other) => other.nodes !== nodes).flatMap((other) => other.nodes);
    const taken = new Set([...wanted, ...others.flatMap(usesOf), ...fedValues(graph, used)]);
    const saves = [...inside].filter((value) => taken.has(value));
    if (typeof owner !== 'number') return { pass: 0, apply: owner, nodes, saves };
    // All writes that are known by now; a later one cannot matter to what runs here.
    const writes = graph.root.nodes.filter(
      (node) =>
        node.op === 'write' &&
        passOf(node) === owner &&
        used.has(node.inputs[0]!.node!) &&
        (places.get(node.inputs[0]!.node!)?.level ?? 0) <= level,
    );
    return { pass: owner, apply: null, nodes: [...nodes, ...writes], saves };
  });
}

function place(unit: Unit, dependencies: Dependencies, places: ReadonlyMap<Unit, Place>): Place {
  const needs = dependencies.needs(unit).map((need) => places.get(need)!);
  let owner: Place['owner'];
  if (typeof unit === 'number') owner = dependencies.passOfUnit(unit);
  else if (unit.op === 'apply') owner = unit;
  else if (unit.op === 'read') owner = passOf(unit);
  else if (calledPass(unit) !== null) owner = calledPass(unit)!;
  else {
    // A plain step runs where the last of its inputs was made.
    const last = needs.reduce<Place | null>((a, b) => (a && a.level >= b.level ? a : b), null);
    owner = typeof last?.owner === 'number' ? last.owner : 0;
  }
  const level = Math.max(0, ...needs.map((need) => need.level + (need.owner === owner ? 0 : 1)));
  return { level, owner };
}

/** The pass whose modules a step, or one in its bodies, calls. */
function calledPass(node: Node): number | null {
  if (node.op === 'call') return passOf(node);
  for (const { nodes } of node.regions) {
    for (const inner of nodes) {
      const pass = calledPass(inner);
      if (pass !== null) return pass;
    }
  }
  return null;
}

/** The values that go into other models and functions, or into a model by a write. */
function fedValues(graph: InterventionGraph, used: ReadonlySet<Unit>): Value[] {
  return graph.root.nodes
    .filter((node) => node.op === 'forward' || (node.op === 'write' && used.has(node.inputs[0]!.node!)))
    .flatMap(({ inputs }) => inputs);
}
