import { makeMetadata } from '../make.ts';
import { changedNode, type NodeProto } from '../proto.ts';

/** The metadata of a conditional that stayed as it was. */
const CLOSED = 'onnsight.closed';

/** A conditional whose modules cannot be reached, as these run otherwise in each branch. */
export function closed(node: NodeProto, modules: readonly string[]): NodeProto {
  const paths = new Set(modules.map((path) => path.replace(/^\//, '').replaceAll('/', '.')));
  const metadata = makeMetadata({ [CLOSED]: JSON.stringify([...paths]) });
  return changedNode(node, { metadataProps: [...node.metadataProps, ...metadata] });
}

/** The modules that run otherwise in each branch of a conditional, which therefore stayed as it was. */
export function differingModules({ metadataProps }: NodeProto): readonly string[] {
  const found = metadataProps.find(({ key }) => key === CLOSED);
  return found ? JSON.parse(found.value) : [];
}
