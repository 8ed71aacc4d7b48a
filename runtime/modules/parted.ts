import type { CallContext } from './call-context.ts';
import type { ModuleCall } from './module.ts';

/** What a layer with weights makes its output by. */
const OF_LAYERS = new Set(['Add', 'Conv', 'Gemm', 'MatMul', 'Reshape']);

/**
 * Whether all that is used of the module at `path` are parts of its output, and the file does not say who divides it: the
 * dynamo exporter gives a Split no module. A layer with weights returns the whole.
 */
export function isParted(
  path: string,
  { outputs }: ModuleCall,
  { graph, links, scopes, splits }: CallContext,
): boolean {
  const [output] = outputs;
  const maker = links.maker.get(output ?? '');
  if (outputs.length !== 1 || maker === undefined || links.outputs.has(output!)) return false;
  const readers = links.readers.get(output!) ?? [];
  const isLayer = scopes[maker]!.modules.at(-1) === path && OF_LAYERS.has(graph.node[maker]!.opType);
  return !isLayer && readers.length > 0 && readers.every((reader) => splits.has(reader));
}
