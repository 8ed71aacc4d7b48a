import { usesOf } from '../graph/live.ts';
import type { Node, Region, Value } from '../graph/types.ts';
import { passOf } from '../lowering/forward-pass.ts';

/**
 * What runs in one go: a forward pass with the steps that come with it, or a conditional or loop around whole traces,
 * which the host decides.
 */
export interface Stage {
  /** The forward pass that runs, if any. */
  readonly pass: number | null;
  /** The conditional or loop around forward passes, if it is one. */
  readonly hosted: Node | null;
  /** The steps that are needed, in order. */
  readonly nodes: readonly Node[];
  /** The values that later stages, or whoever asks for the region's values, need. */
  readonly saves: readonly Value[];
}

/** Steps that need no forward pass come first. */
const BEFORE_ALL = -1;

/** Steps of a forward pass itself. */
const OF_PASS = new Set(['read', 'write', 'call', 'forward']);

/** The passes whose reads and writes stand in the bodies of a node: whole traces under a condition or in a loop. */
function passesIn(node: Node): number[] {
  return node.regions.flatMap(({ nodes }) =>
    nodes.flatMap((inner) => [
      ...(inner.op === 'read' || inner.op === 'write' ? [passOf(inner)] : []),
      ...passesIn(inner),
    ]),
  );
}

/** The passes that a step, or one in its bodies, reads, sets or calls a module of. */
function usedPasses(node: Node): number[] {
  const own = OF_PASS.has(node.op) && node.op !== 'forward' ? [passOf(node)] : [];
  return [...own, ...node.regions.flatMap(({ nodes }) => nodes.flatMap(usedPasses))];
}

interface Group {
  pass: number | null;
  hosted: Node | null;
  readonly nodes: Node[];
}

/**
 * Splits a region into stages, in the order in which they run. Each step belongs to the latest pass that it depends on.
 * `owner` tells which pass another model's pass runs in the middle of.
 */
export function stagesOf(region: Region, wanted: readonly Value[], owner: (pass: number) => number): Stage[] {
  const orders = new Map<Value, number>();
  const groups = new Map<number, Group>();
  for (const node of region.nodes) {
    if (node.op === 'operand') continue;
    const pass = OF_PASS.has(node.op) ? owner(passOf(node)) : null;
    const inner = passesIn(node);
    const uses = usesOf(node).map((value) => orders.get(value) ?? BEFORE_ALL);
    const order = node.op === 'write' ? pass! : Math.max(BEFORE_ALL, ...uses, ...inner, pass ?? BEFORE_ALL);
    const group = groups.get(order) ?? { pass: null, hosted: null, nodes: [] };
    groups.set(order, group);
    if (inner.length > 0) group.hosted = node;
    else group.nodes.push(node);
    if (pass !== null) group.pass = pass;
    for (const output of node.outputs) orders.set(output, order);
  }
  const needed = new Set(wanted);
  return [...groups]
    .sort(([a], [b]) => b - a)
    .map(([, group]) => stage(group, needed))
    .reverse();
}

/** Keeps what is needed of a group; what that takes from earlier ones is needed, too. */
function stage({ pass, hosted, nodes }: Group, needed: Set<Value>): Stage {
  const saves = [...(hosted ? hosted.outputs : []), ...nodes.flatMap(({ outputs }) => outputs)].filter((value) =>
    needed.has(value),
  );
  const passes = new Set<number>();
  const live = nodes
    .toReversed()
    .filter((node) => {
      const isLive =
        // Functions of the user are always called; whether writes have an effect is found out later.
        node.op === 'write' ||
        node.op === 'apply' ||
        // Another model runs if something of it is used.
        (node.op === 'forward' && passes.has(passOf(node))) ||
        node.outputs.some((output) => needed.has(output));
      if (isLive) {
        for (const value of usesOf(node)) needed.add(value);
        for (const pass of usedPasses(node)) passes.add(pass);
      }
      return isLive;
    })
    .reverse();
  if (hosted && hosted.outputs.length > 0) for (const value of usesOf(hosted)) needed.add(value);
  return { pass, hosted, nodes: live, saves };
}
