import type { Node } from '../graph/types.ts';
import type { Vertex } from '../lowering/dependencies.ts';

/** What runs next: a segment of the model (its number), the call of a module, or nodes that run together. */
export type Turn = number | Node | readonly Node[];

/**
 * Puts the nodes of an intervention graph between the segments of a model. `vertices` are in an order in which each finds
 * what it needs. Nodes run as late as they can, so that few sessions are needed: right before the first segment that
 * needs them, or at the end.
 */
export function schedule(vertices: readonly Vertex[], needs: (vertex: Vertex) => readonly Vertex[]): Turn[] {
  const deadlines = deadlinesOf(vertices, needs);
  const levels = levelsOf(vertices, needs, deadlines);
  const turns: Turn[] = [];
  vertices.forEach((vertex, position) => {
    if (typeof vertex !== 'number') return;
    turns.push(...groups(vertices, position, deadlines, levels), vertex);
  });
  turns.push(...groups(vertices, vertices.length, deadlines, levels));
  return turns;
}

/** The position of the first segment that needs each node; the number of vertices for what only the result needs. */
function deadlinesOf(vertices: readonly Vertex[], needs: (vertex: Vertex) => readonly Vertex[]): Map<Vertex, number> {
  const deadlines = new Map<Vertex, number>();
  for (let position = vertices.length - 1; position >= 0; position--) {
    const vertex = vertices[position]!;
    const own = typeof vertex === 'number' ? position : (deadlines.get(vertex) ?? vertices.length);
    deadlines.set(vertex, own);
    for (const need of needs(vertex)) {
      if (typeof need !== 'number') deadlines.set(need, Math.min(own, deadlines.get(need) ?? own));
    }
  }
  return deadlines;
}

/** How many calls of modules stand one after another before each node, among those with its deadline. */
function levelsOf(
  vertices: readonly Vertex[],
  needs: (vertex: Vertex) => readonly Vertex[],
  deadlines: ReadonlyMap<Vertex, number>,
): Map<Vertex, number> {
  const levels = new Map<Vertex, number>();
  for (const vertex of vertices) {
    if (typeof vertex === 'number') continue;
    const before = needs(vertex).filter(
      (need) => typeof need !== 'number' && deadlines.get(need) === deadlines.get(vertex),
    ) as Node[];
    levels.set(vertex, Math.max(0, ...before.map((need) => levels.get(need)! + (need.op === 'call' ? 1 : 0))));
  }
  return levels;
}

function groups(
  vertices: readonly Vertex[],
  deadline: number,
  deadlines: ReadonlyMap<Vertex, number>,
  levels: ReadonlyMap<Vertex, number>,
): Turn[] {
  const due = vertices.filter((vertex) => typeof vertex !== 'number' && deadlines.get(vertex) === deadline) as Node[];
  const turns: Turn[] = [];
  for (let level = 0; due.some((node) => levels.get(node)! >= level); level++) {
    const own = due.filter((node) => levels.get(node) === level);
    const together = own.filter(({ op }) => op !== 'call');
    if (together.length > 0) turns.push(together);
    turns.push(...own.filter(({ op }) => op === 'call'));
  }
  return turns;
}
