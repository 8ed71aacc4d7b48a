import { readsOf } from '../captures.ts';
import type { GraphProto, NodeProto } from '../proto.ts';
import { nodesWithin, subgraphsOf } from '../subgraphs.ts';
import { iterationsOf } from './loop.ts';

/** What is known of the graph around. */
export interface Around {
  /** The names of its initializers. */
  readonly weights: ReadonlySet<string>;
  /** Whether a node draws random numbers. */
  readonly draws: (node: NodeProto) => boolean;
}

/**
 * Whether a conditional of the model has modules in its branches, and other ones in each (a module that stands in both would
 * run twice to the graph, and once to its user), or a loop has modules in its body and draws no random numbers: those of
 * iterations follow one another.
 */
export function isWorthOpening(node: NodeProto, { weights, draws }: Around): boolean {
  const bodies = subgraphsOf(node);
  if (!isWellFormed(node, bodies)) return false;
  const [a, b] = bodies.map((branch) => modulesIn(branch, pathOf(node), weights));
  if (node.opType === 'Loop') return a!.size > 0 && !draws(node) && iterationsOf(node) > 0;
  return a!.size + b!.size > 0 && inBothBranches(node, weights).length === 0;
}

/** The modules that stand in both branches of a conditional. */
export function inBothBranches(node: NodeProto, weights: ReadonlySet<string>): string[] {
  const [a, b] = subgraphsOf(node).map((branch) => modulesIn(branch, pathOf(node), weights));
  return [...a!].filter((module) => b!.has(module));
}

/** Whether a conditional or loop has the bodies that it must, which take and give what it does. A damaged file may not. */
function isWellFormed({ opType, input, output }: NodeProto, bodies: readonly GraphProto[]): boolean {
  if (opType === 'If') return bodies.length === 2 && bodies.every((branch) => branch.output.length === output.length);
  const [body] = bodies;
  if (opType !== 'Loop' || !body || bodies.length > 1) return false;
  return body.input.length === Math.max(2, input.length) && body.output.length === output.length + 1;
}

/** The modules that run in a branch: by the parameters that are read, and by the paths in the names of nodes. */
function modulesIn({ node }: GraphProto, around: string, weights: ReadonlySet<string>): ReadonlySet<string> {
  const found = new Set<string>();
  for (const one of nodesWithin(node)) {
    const parameters = readsOf(one).filter((name) => weights.has(name) && name.includes('.') && !name.includes('::'));
    for (const name of parameters) found.add(name.slice(0, name.lastIndexOf('.')));
    const path = pathOf(one);
    if (path.startsWith('/') && path !== around) found.add(path);
  }
  return found;
}

function pathOf({ name }: NodeProto): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('/')));
}
