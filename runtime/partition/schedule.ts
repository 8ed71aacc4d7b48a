import type { Node, NodeOf } from '../graph/types.ts';

/** A segment of the model (its number) or a node of the graph. */
export type SegmentOrNode = number | Node;

/** What runs next: a segment of the model, the call of a module, or nodes that become one program. */
export type Group =
  | { readonly kind: 'segment'; readonly segment: number }
  | { readonly kind: 'call'; readonly node: NodeOf<'call'> }
  | { readonly kind: 'intervention'; readonly nodes: readonly Node[] };

/** Nodes of one program. ONNX Runtime's time to compile one grows with their square; programs of equal structure are one. */
const MOST_NODES = 500;

/** The same with those in bodies, whose structures are seldom equal. */
const MOST_INSIDE = 3000;

/** Whether nodes are more than one program should have. */
export function areMany(nodes: readonly Node[]): boolean {
  return nodes.length > MOST_NODES || sizeOf(nodes) > MOST_INSIDE;
}

/** How many nodes there are, with those in bodies. */
function sizeOf(nodes: readonly Node[]): number {
  return nodes.reduce((sum, { regions }) => regions.reduce((all, region) => all + sizeOf(region.nodes), sum + 1), 0);
}

type Needs = (vertex: SegmentOrNode) => readonly SegmentOrNode[];

/**
 * Puts the nodes of a graph between the segments of a model. `vertices` are in an order in which each comes after what it
 * needs. Nodes run as late as they can, so that few programs are needed: right before the first segment that needs them,
 * or at the end.
 */
export function schedule(vertices: readonly SegmentOrNode[], needs: Needs): Group[] {
  const deadlines = deadlinesOf(vertices, needs);
  const levels = levelsOf(vertices, needs, deadlines);
  const due = (deadline: number) =>
    groupsOf(
      vertices.filter((vertex) => typeof vertex !== 'number' && deadlines.get(vertex) === deadline) as Node[],
      levels,
    );
  return [
    ...vertices.flatMap((vertex, position): Group[] =>
      typeof vertex === 'number' ? [...due(position), { kind: 'segment', segment: vertex }] : [],
    ),
    ...due(vertices.length),
  ];
}

/** The position of the first segment that needs each node; the number of vertices for what only the result needs. */
function deadlinesOf(vertices: readonly SegmentOrNode[], needs: Needs): Map<Node, number> {
  const deadlines = new Map<Node, number>();
  for (const [position, vertex] of [...vertices.entries()].reverse()) {
    const own = typeof vertex === 'number' ? position : (deadlines.get(vertex) ?? vertices.length);
    if (typeof vertex !== 'number') deadlines.set(vertex, own);
    for (const need of needs(vertex)) {
      if (typeof need !== 'number') deadlines.set(need, Math.min(own, deadlines.get(need) ?? own));
    }
  }
  return deadlines;
}

/** How many calls of modules stand one after another before each node, among the nodes with its deadline. */
function levelsOf(
  vertices: readonly SegmentOrNode[],
  needs: Needs,
  deadlines: ReadonlyMap<Node, number>,
): Map<Node, number> {
  const levels = new Map<Node, number>();
  for (const vertex of vertices) {
    if (typeof vertex === 'number') continue;
    const before = needs(vertex).filter((need) => typeof need !== 'number');
    const together = before.filter((need) => deadlines.get(need) === deadlines.get(vertex));
    const level = (need: Node) => levels.get(need)! + (need.op === 'call' ? 1 : 0);
    levels.set(
      vertex,
      together.reduce((most, need) => Math.max(most, level(need)), 0),
    );
  }
  return levels;
}

/** Level by level: first the nodes that become one program, then the calls. */
function groupsOf(nodes: readonly Node[], levels: ReadonlyMap<Node, number>): Group[] {
  const groups: Group[] = [];
  for (let level = 0; nodes.some((node) => levels.get(node)! >= level); level++) {
    const own = nodes.filter((node) => levels.get(node) === level);
    const together = own.filter(({ op }) => op !== 'call');
    for (const nodes of portions(together)) groups.push({ kind: 'intervention', nodes });
    for (const node of own) if (node.op === 'call') groups.push({ kind: 'call', node });
  }
  return groups;
}

/** Nodes in portions that are one program each. */
function portions(nodes: readonly Node[]): Node[][] {
  const found: Node[][] = [];
  let inside = Number.POSITIVE_INFINITY;
  for (const node of nodes) {
    const size = sizeOf([node]);
    if (inside + size > MOST_INSIDE || found.at(-1)!.length === MOST_NODES) {
      found.push([]);
      inside = 0;
    }
    found.at(-1)!.push(node);
    inside += size;
  }
  return found;
}
