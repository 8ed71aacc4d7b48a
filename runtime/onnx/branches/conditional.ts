import { makeNode } from '../make.ts';
import type { NodeProto } from '../proto.ts';
import { branchesOf } from '../subgraphs.ts';
import { type Branch, branchIn } from './branch.ts';
import { choice } from './choice.ts';
import type { Around } from './has-modules.ts';
import { mergeBranches } from './merge.ts';
import type { Opener } from './open.ts';
import { ranNode } from './ran.ts';
import type { Side } from './side.ts';
import { standingFor } from './stands-for.ts';

/** Adds the nodes in a conditional's branches, and what chooses between what they give. */
export function openConditional(opener: Opener, node: NodeProto, around: Branch | null, facts: Around): void {
  const [condition] = node.input as [string];
  const [of] = node.output as [string];
  const isThen = opener.fresh(`${of}:then`);
  const isElse = opener.fresh(`${of}:else`);
  opener.place(ranNode(makeNode('Reshape', [condition, opener.noDims()], [isThen]), node, around), null);
  opener.place(ranNode(makeNode('Not', [isThen], [isElse]), node, around), null);
  const sides = branchesOf(node).map((branch, side): Side => {
    const ran = side === 0 ? isThen : isElse;
    const from = opener.placed.length;
    const renamed = opener.addBody(branch, branchIn(around, isThen, [ran]));
    return { placed: opener.placed.splice(from), outputs: branch.output.map(({ name }) => renamed(name)), ran };
  }) as [Side, Side];
  const from = opener.placed.length;
  const [then, otherwise] = mergeBranches(opener, { node, around, facts }, sides);
  // What both do gives the conditional's tensors itself.
  const both = node.output.flatMap((name, i) => (then[i] === otherwise[i] ? [[then[i]!, name] as const] : []));
  const renamed = opener.rename(from, new Map(both));
  const left = [...node.output.keys()].filter((i) => !renamed.has(node.output[i]!));
  if (left.length === 0) return;
  const pick = (names: readonly string[]) => left.map((i) => names[i]!);
  const chosen = choice(isThen, pick(then), pick(otherwise), pick(node.output), node.name);
  opener.place(standingFor(chosen, node), around);
}
