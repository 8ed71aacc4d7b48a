import { isFloat } from '../dtypes.ts';
import { subgraphsOf } from '../subgraphs.ts';
import { type Around, modulesIn, ownersIn } from './has-modules.ts';
import { isWithin, pathOf, pathsBelow } from './paths.ts';
import type { Placed } from './placed.ts';
import { readersIn } from './side.ts';

/** A conditional stays as it is: some modules stand in both branches, and what they do there cannot be one. */
export class Unshared extends Error {
  readonly modules: readonly string[];

  constructor(modules: readonly string[]) {
    super(`other in each branch: ${modules.join(', ')}`);
    this.modules = modules;
  }
}

/** A tensor of the branch that runs. */
export interface Chosen {
  readonly name: string;
  readonly sources: readonly [then: string, otherwise: string];
  /** The module that makes both. */
  readonly path: string;
}

interface Merged {
  /** The nodes that only one of the branches has. */
  readonly left: readonly [readonly Placed[], readonly Placed[]];
  readonly all: readonly Placed[];
  readonly outputs: readonly [readonly string[], readonly string[]];
  readonly choices: readonly Chosen[];
  /** The path of the conditional. */
  readonly around: string;
  readonly facts: Around;
}

/**
 * Checks that each module of both branches is one: none is left in both by the parameters that it reads, none gives a tensor
 * of its own in each branch, and none stands in one branch and in a body in the other.
 *
 * @throws Unshared otherwise
 */
export function checkShared({ left, all, outputs, choices, around, facts }: Merged): void {
  const { weights, moduleOf } = facts;
  const readers = readersIn(all);
  const given = new Set(outputs.flat());
  const isReadOutside = (name: string, path: string) =>
    given.has(name) || (readers.get(name) ?? []).some((at) => !isWithin(pathOf(all[at]!.node), path));
  const leaving = ({ node, types }: Placed) => {
    const floats = node.output.filter((name, i) => name !== '' && isFloat(types[i]));
    const paths = pathsBelow(pathOf(node), around).filter((path) => floats.some((name) => isReadOutside(name, path)));
    return paths.map(moduleOf);
  };
  const owners = ({ node }: Placed) => ownersIn(node, weights);
  const inBodies = ({ node }: Placed) => subgraphsOf(node).flatMap((body) => [...modulesIn(body, pathOf(node), facts)]);
  const modules = (placed: Placed) => [
    ...owners(placed),
    ...inBodies(placed),
    ...pathsBelow(pathOf(placed.node), around).map(moduleOf),
  ];
  const own = new Set(left.flat());
  const both = all.filter((placed) => !own.has(placed));
  const [then, otherwise] = left;
  const faults = new Set([
    ...common(then.flatMap(leaving), otherwise.flatMap(leaving)),
    ...common(then.flatMap(owners), otherwise.flatMap(owners)),
    ...common(then.flatMap(inBodies), [...both, ...otherwise].flatMap(modules)),
    ...common(otherwise.flatMap(inBodies), [...both, ...then].flatMap(modules)),
    ...choices
      .filter(({ path, sources }) => path.length > around.length && sources.some((name) => isReadOutside(name, path)))
      .map(({ path }) => moduleOf(path)),
  ]);
  if (faults.size > 0) throw new Unshared([...faults]);
}

function common(a: readonly string[], b: readonly string[]): string[] {
  const others = new Set(b);
  return a.filter((one) => others.has(one));
}
