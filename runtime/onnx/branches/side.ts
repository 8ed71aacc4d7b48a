import { readsOf } from '../captures.ts';
import { isFloat } from '../dtypes.ts';
import { makeNode } from '../make.ts';
import { renameReads } from '../rename.ts';
import type { Pair } from './pairs.ts';
import { isWithin, pathOf, pathsBelow } from './paths.ts';
import type { Placed } from './placed.ts';
import { added } from './stands-for.ts';

/** What a branch of a conditional does. */
export interface Side {
  readonly placed: readonly Placed[];
  /** What it gives. */
  readonly outputs: readonly string[];
  /** The tensor that says whether it runs. */
  readonly ran: string;
}

/** For each tensor the nodes that read it, by their places. */
export function readersIn(placed: readonly Placed[]): Map<string, number[]> {
  const readers = new Map<string, number[]>();
  placed.forEach(({ node, branch }, i) => {
    for (const name of [...readsOf(node), ...(branch?.ran ?? [])]) {
      const others = readers.get(name);
      if (others === undefined) readers.set(name, [i]);
      else others.push(i);
    }
  });
  return readers;
}

/**
 * The branch with a node behind each tensor that leaves some modules, which hands it on: so that it can be one with what
 * leaves the module in the other branch, whatever makes it there.
 *
 * @param modules their paths
 * @param fresh a name for a tensor
 */
export function withHandOvers(
  side: Side,
  modules: ReadonlySet<string>,
  { moduleOf, fresh }: { readonly moduleOf: (path: string) => string; readonly fresh: (name: string) => string },
): Side {
  if (modules.size === 0) return side;
  const { placed, outputs, ran } = side;
  const readers = readersIn(placed);
  /** The names that tensors have outside of a module. */
  const handed = new Map<string, { readonly path: string; readonly name: string }[]>();
  const outside = (name: string, path: string) =>
    (handed.get(name) ?? []).findLast((one) => !isWithin(path, one.path))?.name ?? name;
  const found: Placed[] = [];
  for (const one of placed) {
    const path = pathOf(one.node);
    found.push({ ...one, node: renameReads(one.node, (name) => outside(name, path)) });
    for (const call of pathsBelow(path, '').filter((around) => modules.has(moduleOf(around)))) {
      one.node.output.forEach((name, i) => {
        const isLeaving =
          outputs.includes(name) || (readers.get(name) ?? []).some((at) => !isWithin(pathOf(placed[at]!.node), call));
        if (name === '' || !isFloat(one.types[i]) || !isLeaving) return;
        const leaving = fresh(`${name.replaceAll('/', ':')}:left`);
        const node = makeNode(
          'Identity',
          [handed.get(name)?.at(-1)?.name ?? name],
          [leaving],
          {},
          `${call}/${leaving}`,
        );
        found.push({ node: added(node), branch: one.branch, types: [one.types[i]], leaves: moduleOf(call) });
        handed.set(name, [...(handed.get(name) ?? []), { path: call, name: leaving }]);
      });
    }
  }
  return { placed: found, outputs: outputs.map((name) => handed.get(name)?.at(-1)?.name ?? name), ran };
}

/** A branch in an order in which its anchors come as those of the other one, where what they read allows it. */
export function orderLike(anchors: readonly Pair[], placed: readonly Placed[]): number[] {
  const isRising = anchors.every(([, at], i) => i === 0 || at > anchors[i - 1]![1]);
  if (isRising) return [...placed.keys()];
  const maker = new Map(placed.flatMap(({ node }, i) => node.output.map((name) => [name, i] as const)));
  const order: number[] = [];
  const done = new Set<number>();
  /** Those that wait for others: in a damaged file one may read what comes of it. */
  const waiting = new Set<number>();
  const add = (last: number) => {
    const pending = [last];
    while (pending.length > 0) {
      const at = pending.at(-1)!;
      const { node, branch } = placed[at]!;
      const needed = [...readsOf(node), ...(branch?.ran ?? [])].flatMap((name) => maker.get(name) ?? []);
      waiting.add(at);
      const missing = done.has(at) ? [] : needed.filter((one) => !done.has(one) && !waiting.has(one));
      pending.push(...missing.reverse());
      if (missing.length > 0) continue;
      pending.pop();
      if (!done.has(at)) order.push(at);
      done.add(at);
    }
  };
  for (const [, at] of anchors) add(at);
  for (const at of placed.keys()) add(at);
  return order;
}
