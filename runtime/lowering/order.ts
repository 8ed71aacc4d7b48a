/**
 * What some units need, directly and indirectly, each after those it needs, and the roots themselves. `onCycle` is told
 * the units of a cycle, each needing the next one.
 */
export function orderUnits<U>(
  roots: Iterable<U>,
  needs: (unit: U) => readonly U[],
  onCycle: (cycle: readonly U[]) => never,
): U[] {
  const order: U[] = [];
  const done = new Set<U>();
  const open = new Set<U>();
  // No recursion: a chain of needs may be as long as the model has nodes.
  const stack: { readonly unit: U; readonly needs: readonly U[]; next: number }[] = [];
  const enter = (unit: U) => {
    if (done.has(unit)) return;
    if (open.has(unit)) {
      const path = stack.map((frame) => frame.unit);
      onCycle(path.slice(path.indexOf(unit)));
    }
    open.add(unit);
    stack.push({ unit, needs: needs(unit), next: 0 });
  };
  for (const root of roots) {
    enter(root);
    for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
      if (frame.next < frame.needs.length) {
        enter(frame.needs[frame.next++]!);
        continue;
      }
      stack.pop();
      open.delete(frame.unit);
      done.add(frame.unit);
      order.push(frame.unit);
    }
  }
  return order;
}
