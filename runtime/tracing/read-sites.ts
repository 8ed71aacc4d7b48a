import type { Node, Site } from '../graph/types.ts';
import { laterSite } from './caller.ts';

/** Where the model's tensors were read. Reading a property is no step of compiled code, so that it has no site. */
const sites = new WeakMap<Node, () => Site | null>();

/** Keeps the place that reads now. It is worked out only if an error asks for it. */
export function keepReadSite(node: Node): void {
  sites.set(node, laterSite());
}

/** The user's line that first read the tensor of a read node. */
export function readSite(node: Node): Site | null {
  return sites.get(node)?.() ?? node.site;
}
