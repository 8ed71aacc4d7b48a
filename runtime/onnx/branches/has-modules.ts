import { readsOf } from '../captures.ts';
import type { GraphProto, NodeProto } from '../proto.ts';
import { nodesWithin, subgraphsOf } from '../subgraphs.ts';

/**
 * Whether a conditional of the model has modules in its branches, and other ones in each: a module that stands in both would
 * run twice to the graph, and once to its user.
 */
export function isWorthOpening(node: NodeProto): boolean {
  if (node.opType !== 'If') return false;
  const [a, b] = subgraphsOf(node).map((branch) => modulesIn(branch, pathOf(node)));
  return a !== undefined && b !== undefined && a.size + b.size > 0 && ![...a].some((module) => b.has(module));
}

/** The modules that run in a branch: by the parameters that are read, and by the paths in the names of nodes. */
function modulesIn({ node }: GraphProto, around: string): ReadonlySet<string> {
  const found = new Set<string>();
  for (const one of nodesWithin(node)) {
    for (const name of readsOf(one))
      if (/\./.test(name) && !name.includes('::')) found.add(name.slice(0, name.lastIndexOf('.')));
    const path = pathOf(one);
    if (path.startsWith('/') && path !== around) found.add(path);
  }
  return found;
}

function pathOf({ name }: NodeProto): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('/')));
}
