import { forwardOf, forwardsIn, isForwardNode } from '../graph/forwards.ts';
import { usesOf } from '../graph/live.ts';
import type { Node, Region, Value } from '../graph/types.ts';

/**
 * What runs in one go: a forward with the nodes that come with it, or a conditional or loop around whole traces,
 * which the host decides.
 */
export interface Stage {
  /** The forward that runs, if any. */
  readonly forward: number | null;
  /** The conditional or loop around forwards, if it is one. */
  readonly hosted: Node | null;
  /** The nodes that are needed, in order. */
  readonly nodes: readonly Node[];
  /** The values that later stages need, or that are wanted of the region. */
  readonly saves: readonly Value[];
}

/** Nodes that need no forward come first. */
const BEFORE_ALL = -1;

/** The forwards that a node, or one in its regions, reads, sets or calls a module of. */
export function usedForwards(node: Node): number[] {
  const own = isForwardNode(node) && node.op !== 'forward' ? [forwardOf(node)] : [];
  return [...own, ...node.regions.flatMap(({ nodes }) => nodes.flatMap(usedForwards))];
}

interface StageDraft {
  forward: number | null;
  hosted: Node | null;
  readonly nodes: Node[];
}

/**
 * Splits a region into stages, in the order in which they run. Each node belongs to the latest forward that it depends on.
 * `owner` tells which forward another model's forward runs in the middle of.
 */
export function stagesOf(region: Region, wanted: readonly Value[], owner: (forward: number) => number): Stage[] {
  const orders = new Map<Value, number>();
  const drafts = new Map<number, StageDraft>();
  for (const node of region.nodes) {
    if (node.op === 'operand') continue;
    const forward = isForwardNode(node) ? owner(forwardOf(node)) : null;
    const inner = forwardsIn(node);
    const uses = usesOf(node).map((value) => orders.get(value) ?? BEFORE_ALL);
    const order = node.op === 'write' ? forward! : Math.max(BEFORE_ALL, ...uses, ...inner, forward ?? BEFORE_ALL);
    const draft = drafts.get(order) ?? { forward: null, hosted: null, nodes: [] };
    drafts.set(order, draft);
    if (inner.length > 0) draft.hosted = node;
    else draft.nodes.push(node);
    if (forward !== null) draft.forward = forward;
    for (const output of node.outputs) orders.set(output, order);
  }
  const needed = new Set(wanted);
  return [...drafts]
    .sort(([a], [b]) => b - a)
    .map(([, draft]) => stage(draft, needed))
    .reverse();
}

/**
 * The stage that is left when all forwards have run: of a region's nodes those that take nothing of a forward that did
 * not run.
 * @param known the values that are there already
 */
export function lastStage(region: Region, wanted: readonly Value[], known: ReadonlySet<Value>): Stage {
  const missing = new Set<Value>();
  const opened = new Set<number>();
  const nodes = region.nodes.filter((node) => {
    if (node.op === 'operand' || (node.outputs.length > 0 && node.outputs.every((output) => known.has(output))))
      return false;
    const isMet = (node.op !== 'read' && node.op !== 'write') || opened.has(forwardOf(node));
    const isThere = isMet && !usesOf(node).some((value) => missing.has(value));
    if (isThere && node.op === 'forward') opened.add(forwardOf(node));
    if (!isThere) for (const output of node.outputs) if (!known.has(output)) missing.add(output);
    return isThere;
  });
  return stage({ forward: null, hosted: null, nodes }, new Set(wanted));
}

/** Keeps what is needed of a draft; what that takes from earlier drafts is needed, too. */
function stage({ forward, hosted, nodes }: StageDraft, needed: Set<Value>): Stage {
  const saves = [...(hosted ? hosted.outputs : []), ...nodes.flatMap(({ outputs }) => outputs)].filter((value) =>
    needed.has(value),
  );
  const forwards = new Set<number>();
  const live = nodes
    .toReversed()
    .filter((node) => {
      const isLive =
        // Functions of the user are always called; whether writes have an effect is found out later.
        node.op === 'write' ||
        node.op === 'apply' ||
        // What becomes of a gradient that is set is found out when the pass gets there.
        node.op === 'setgrad' ||
        // Another model runs if something of it is used.
        (node.op === 'forward' && forwards.has(forwardOf(node))) ||
        node.outputs.some((output) => needed.has(output));
      if (isLive) {
        for (const value of usesOf(node)) needed.add(value);
        for (const forward of usedForwards(node)) forwards.add(forward);
      }
      return isLive;
    })
    .reverse();
  if (hosted && hosted.outputs.length > 0) for (const value of usesOf(hosted)) needed.add(value);
  return { forward, hosted, nodes: live, saves };
}
