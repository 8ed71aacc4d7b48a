import { formatSite, siteOf } from '../graph/site.ts';
import type { Node } from '../graph/types.ts';
import { withRegions } from '../graph/walk.ts';

/** Names for the sites of nodes, equal in graphs of equal structure wherever their source stands. */
export function siteNames(nodes: readonly Node[]): (node: Node) => string {
  const numbers = new Map([...withRegions(nodes)].map((node, i) => [node, i]));
  return (node) => `site_${numbers.get(node)}`;
}

/**
 * A message of ONNX Runtime about a program into which these nodes are written, with the file and line of the node that it
 * names. `isCall`: the program is the module that the one node calls, and an error inside it is an error of the call.
 */
export function withSites(message: string, nodes: readonly Node[], isCall: boolean): string {
  const written = [...withRegions(nodes)];
  const name = (node: Node | undefined) => {
    const site = node && siteOf(node);
    return site ? formatSite(site) : (node?.op ?? 'node');
  };
  if (isCall) return message.replace(/Name:'[^']*'/, `Name:'onnsight/at_0:${name(written[0])}'`);
  return message.replaceAll(/(onnsight\/at_\d+:)site_(\d+)/g, (_, at, number) => at + name(written[Number(number)]));
}
