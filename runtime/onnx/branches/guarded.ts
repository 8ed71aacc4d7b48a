import { dtypeName } from '../dtypes.ts';
import { makeGraph, makeNode, makeTensor, makeValueInfo } from '../make.ts';
import { changedNode, type NodeProto } from '../proto.ts';
import { subgraphsOf } from '../subgraphs.ts';
import { type Branch, branchOf, inBranch } from './branch.ts';

/** What a tensor in the branch is called inside of its node. */
const within = (name: string) => (name === '' ? '' : `in:${name}`);

/**
 * A node of a branch as a node of the graph around: one that runs if the branch does, and else gives tensors without elements.
 * @param types the element types of what it makes
 */
export function guarded(node: NodeProto, branch: Branch, types: readonly number[]): NodeProto {
  const ran = branch.ran.at(-1);
  if (ran === undefined) return inBranch(node, branch);
  const made = node.output.flatMap((name, i) => (name === '' ? [] : [{ name: within(name), type: types[i]! }]));
  const infos = made.map(({ name, type }) => makeValueInfo(name, type));
  const blanks = made.map(({ name, type }) => {
    return makeNode('Constant', [], [name], { value: { tensor: makeTensor('', dtypeName(type)!, [], [0]) } });
  });
  const own = changedNode(node, { output: node.output.map(within) });
  const wrapped = makeNode(
    'If',
    [ran],
    node.output.filter((name) => name !== ''),
    {
      then_branch: { graph: makeGraph('runs', [own], [], infos) },
      else_branch: { graph: makeGraph('does not run', blanks, [], infos) },
    },
    node.name,
  );
  return inBranch(changedNode(wrapped, { metadataProps: node.metadataProps }), branch);
}

/** A node that was taken out of a branch as it stood there, but for the names of its tensors; any other node itself. */
export function plainNode(node: NodeProto): NodeProto {
  if (!branchOf(node)?.ran.length) return node;
  const [own] = subgraphsOf(node)[0]!.node as [NodeProto];
  const inner = new Map(node.output.map((name) => [within(name), name]));
  return changedNode(own, {
    output: own.output.map((name) => inner.get(name) ?? ''),
    metadataProps: node.metadataProps,
  });
}
