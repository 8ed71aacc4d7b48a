import { makeGraph, makeMetadata, makeNode, makeTensor, makeValueInfo } from '../make.ts';
import { changedNode, type NodeProto } from '../proto.ts';
import { type Branch, inBranch } from './branch.ts';

/** The metadata of a node that says whether a branch runs. */
const RAN = 'onnsight.ran';

/** Whether a node was added to a model to say whether a branch runs. */
export function saysWhetherRan({ metadataProps }: NodeProto): boolean {
  return metadataProps.some(({ key }) => key === RAN);
}

/**
 * A node that says whether a branch runs: one truth value. Where the branch around does not run, it is false.
 * @param says computes it where the branch around runs, and stands in the node of the model that decides
 */
export function ranNode(says: NodeProto, decides: NodeProto, around: Branch | null): NodeProto {
  const [output] = says.output as [string];
  const metadataProps = [...decides.metadataProps, ...makeMetadata({ [RAN]: '' })];
  if (around === null) return changedNode(says, { name: output, metadataProps });
  const inner = `in:${output}`;
  const side = (node: NodeProto) => ({ graph: makeGraph('ran', [node], [], [makeValueInfo(inner, 'bool')]) });
  const none = makeNode('Constant', [], [inner], { value: { tensor: makeTensor('', 'bool', [0], []) } });
  const node = makeNode('If', [around.ran.at(-1)!], [output], {
    then_branch: side(changedNode(says, { output: [inner] })),
    else_branch: side(none),
  });
  // It is there in any case, and stands where the branch around does.
  return inBranch(changedNode(node, { name: output, metadataProps }), { ...around, ran: [] });
}
