/**
 * The roots and all that they need, directly and indirectly, each vertex after those that it needs. `onCycle` is told the
 * vertices of a cycle, each needing the next one.
 */
export function topologicalOrder<V>(
  roots: Iterable<V>,
  needs: (vertex: V) => readonly V[],
  onCycle: (cycle: readonly V[]) => never,
): V[] {
  const order: V[] = [];
  const done = new Set<V>();
  const open = new Set<V>();
  // No recursion: a chain of needs may be as long as the model has nodes.
  const stack: { readonly vertex: V; readonly needs: readonly V[]; next: number }[] = [];
  const enter = (vertex: V) => {
    if (done.has(vertex)) return;
    if (open.has(vertex)) {
      const path = stack.map((frame) => frame.vertex);
      onCycle(path.slice(path.indexOf(vertex)));
    }
    open.add(vertex);
    stack.push({ vertex, needs: needs(vertex), next: 0 });
  };
  for (const root of roots) {
    enter(root);
    for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
      if (frame.next < frame.needs.length) {
        enter(frame.needs[frame.next++]!);
        continue;
      }
      stack.pop();
      open.delete(frame.vertex);
      done.add(frame.vertex);
      order.push(frame.vertex);
    }
  }
  return order;
}
