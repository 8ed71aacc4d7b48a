import type { InterventionGraph } from './graph.ts';
import { GraphError } from './json.ts';
import { OperationError } from './operation.ts';
import { isTensorNode, outputTypes } from './operations/index.ts';
import type { Region } from './types.ts';

/**
 * Checks that the nodes of a graph that came as data fit together: each operation takes its inputs and makes outputs of
 * the dtypes that the graph says. Throws a GraphError that names the node.
 */
export function checkGraph(graph: InterventionGraph): void {
  checkRegion(graph.root, 'root');
}

function checkRegion({ nodes }: Region, path: string): void {
  for (const [i, node] of nodes.entries()) {
    const at = `${path}.nodes[${i}] (${node.op})`;
    if (isTensorNode(node)) {
      try {
        const inputs = node.inputs.map(({ type }) => type);
        const types = outputTypes(node.op, inputs, node.attributes);
        const fits = types.length === node.outputs.length;
        if (!fits || types.some(({ dtype }, k) => dtype !== node.outputs[k]!.type.dtype)) {
          throw new OperationError(
            `it makes ${types.map(({ dtype }) => dtype).join(', ')}, but the graph says ${node.outputs.map(({ type }) => type.dtype).join(', ')}`,
          );
        }
      } catch (error) {
        throw new GraphError(`${at}: ${error instanceof Error ? error.message : error}`, { cause: error });
      }
    }
    for (const [k, region] of node.regions.entries()) checkRegion(region, `${at}.regions[${k}]`);
  }
}
