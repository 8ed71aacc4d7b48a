import { readsOf } from '../captures.ts';
import type { GraphProto, NodeProto } from '../proto.ts';
import { nodesWithin, subgraphsOf } from '../subgraphs.ts';
import { iterationsOf } from './loop.ts';
import { pathOf } from './paths.ts';

/** What is known of the graph around. */
export interface Around {
  /** The names of its initializers. */
  readonly weights: ReadonlySet<string>;
  /** Whether a node draws random numbers. */
  readonly draws: (node: NodeProto) => boolean;
  /** The path of the module that a path is a call of. */
  readonly moduleOf: (path: string) => string;
}

/** What bodies are opened for: the modules in them, or any operation. */
export type Reason = 'modules' | 'operations';

/**
 * Whether a conditional or loop of the model has modules, or operations, in its bodies. Random numbers that are drawn in the
 * iterations of a loop follow one another, and operations that draw some stay where they are.
 */
export function isWorthOpening(node: NodeProto, around: Around, reason: Reason): boolean {
  const bodies = subgraphsOf(node);
  if (!isWellFormed(node, bodies)) return false;
  const hasAny = bodies.some((body) =>
    reason === 'modules' ? modulesIn(body, pathOf(node), around).size > 0 : hasOperations(body),
  );
  if (!hasAny || (node.opType !== 'If' && iterationsOf(node) === 0)) return false;
  return (node.opType === 'If' && reason === 'modules') || !around.draws(node);
}

function hasOperations({ node }: GraphProto): boolean {
  return node.some(({ opType }) => opType !== 'Identity' && opType !== 'Constant');
}

/** Whether a conditional or loop has the bodies that it must, which take and give what it does. A damaged file may not. */
function isWellFormed({ opType, input, output }: NodeProto, bodies: readonly GraphProto[]): boolean {
  if (opType === 'If') return bodies.length === 2 && bodies.every((branch) => branch.output.length === output.length);
  const [body] = bodies;
  if (opType !== 'Loop' || !body || bodies.length > 1) return false;
  return body.input.length === Math.max(2, input.length) && body.output.length === output.length + 1;
}

/** The modules that run in a body: by the parameters that are read, and by the paths in the names of nodes. */
export function modulesIn({ node }: GraphProto, around: string, { weights, moduleOf }: Around): ReadonlySet<string> {
  const found = new Set<string>();
  for (const one of nodesWithin(node)) {
    for (const owner of ownersIn(one, weights)) found.add(owner);
    const path = pathOf(one);
    if (path !== '' && path !== around) found.add(moduleOf(path));
  }
  return found;
}

/** The modules whose parameters a node reads. */
export function ownersIn(node: NodeProto, weights: ReadonlySet<string>): string[] {
  const parameters = readsOf(node).filter((name) => weights.has(name) && name.includes('.') && !name.includes('::'));
  return parameters.map((name) => name.slice(0, name.lastIndexOf('.')));
}
