import { dtypeName } from '../dtypes.ts';
import { makeGraph, makeMetadata, makeNode, makeTensor, makeValueInfo } from '../make.ts';
import { changedNode, type NodeProto } from '../proto.ts';
import { subgraphsOf } from '../subgraphs.ts';

/** The metadata of a node that was taken out of a branch. */
const BRANCH = 'onnsight.branch';

/** Where a node stood that was taken out of the branches of a model. */
export interface Branch {
  /** The tensors that say whether it runs, those of the branches around it from the outermost to its own. */
  readonly ran: readonly string[];
  /** What the If or Loop around gives: its first tensor. */
  readonly of: string;
  /** Of a loop: which iteration it is. */
  readonly iteration?: number;
  /** Of the last iteration of a loop that was written out: the tensor that says whether the loop goes on. */
  readonly more?: string;
}

/** What a tensor in the branch is called inside of its node. */
const within = (name: string) => (name === '' ? '' : `in:${name}`);

/**
 * A node of a branch as a node of the graph around: one that runs if the branch does, and else gives tensors without elements.
 * @param types the element types of what it makes
 */
export function guarded(node: NodeProto, branch: Branch, types: readonly number[]): NodeProto {
  const made = node.output.flatMap((name, i) => (name === '' ? [] : [{ name: within(name), type: types[i]! }]));
  const infos = made.map(({ name, type }) => makeValueInfo(name, type));
  const blanks = made.map(({ name, type }) => {
    return makeNode('Constant', [], [name], { value: { tensor: makeTensor('', dtypeName(type)!, [], [0]) } });
  });
  const own = changedNode(node, { output: node.output.map(within) });
  const wrapped = makeNode(
    'If',
    [branch.ran.at(-1)!],
    node.output.filter((name) => name !== ''),
    {
      then_branch: { graph: makeGraph('runs', [own], [], infos) },
      else_branch: { graph: makeGraph('does not run', blanks, [], infos) },
    },
    node.name,
  );
  const metadataProps = [...node.metadataProps, ...makeMetadata({ [BRANCH]: JSON.stringify(branch) })];
  return changedNode(wrapped, { metadataProps });
}

/** The branch that a node was taken out of; null for any other node. */
export function branchOf({ metadataProps }: NodeProto): Branch | null {
  const found = metadataProps.find(({ key }) => key === BRANCH);
  return found ? JSON.parse(found.value) : null;
}

/** A node that was taken out of a branch as it stood there, but for the names of its tensors; any other node itself. */
export function plainNode(node: NodeProto): NodeProto {
  if (branchOf(node) === null) return node;
  const [own] = subgraphsOf(node)[0]!.node as [NodeProto];
  const inner = new Map(node.output.map((name) => [within(name), name]));
  return changedNode(own, {
    output: own.output.map((name) => inner.get(name) ?? ''),
    metadataProps: node.metadataProps,
  });
}
