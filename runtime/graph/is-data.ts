import { GraphError } from './error.ts';
import type { InterventionGraph } from './graph.ts';
import { formatSite, siteOf } from './site.ts';
import type { Node, Value } from './types.ts';
import { withRegions } from './walk.ts';

/** Functions of the library, which are known elsewhere, by the values that they give. */
export type KnownFunctions = ReadonlyMap<Value, unknown>;

/**
 * Throws a GraphError if a graph contains what is no data: functions given to apply, or several forward passes.
 * @param known the functions of a request that tells how its forwards follow one another
 */
export function checkIsData(graph: InterventionGraph, known?: KnownFunctions): void {
  for (const node of withRegions(graph.root.nodes)) {
    const reason = notData(node, known);
    if (reason === null) continue;
    const site = siteOf(node);
    throw new GraphError(`${site ? `${formatSite(site)} - ` : ''}This graph cannot be data: ${reason}.`);
  }
}

function notData(node: Node, known: KnownFunctions | undefined): string | null {
  if (node.op === 'apply') return known?.has(node.outputs[0]!) ? null : 'a function given to apply is code';
  if (known) return null;
  const isOther =
    node.op === 'forward' || ((node.op === 'read' || node.op === 'write') && node.attributes.forward !== 0);
  return isOther ? 'it runs several models, or one of them several times' : null;
}
