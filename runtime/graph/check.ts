import type { InterventionGraph } from './graph.ts';
import { GraphError } from './json.ts';
import { OperationError } from './operation.ts';
import { isTensorNode, outputTypes } from './operations/index.ts';
import { isFloat } from './promotion.ts';
import type { Node, Region } from './types.ts';

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
    checkGradient(node, at, path);
    for (const [k, region] of node.regions.entries()) checkRegion(region, `${at}.regions[${k}]`);
  }
}

/** A gradient has the type of what it is taken by, and belongs to a pass. */
function checkGradient({ op, inputs, outputs }: Node, at: string, path: string): void {
  if (op !== 'backward' && op !== 'grad' && op !== 'setgrad') return;
  if (path !== 'root') throw new GraphError(`${at}: gradients stand in the root of a graph, not in a body`);
  const counts = { backward: [1, 2], grad: [2], setgrad: [3] }[op];
  if (!counts.includes(inputs.length)) {
    throw new GraphError(`${at}: it takes ${counts.join(' or ')} inputs, but the graph gives ${inputs.length}`);
  }
  const [first, of, gradient] = inputs;
  if (op !== 'backward' && first!.node?.op !== 'backward') {
    throw new GraphError(`${at}: its first input is not a backward pass`);
  }
  const alike = op === 'backward' ? [first, of] : op === 'grad' ? [of, outputs[0]] : [of, gradient];
  const [a, b] = alike.map((value) => value?.type.dtype);
  if (!a || !isFloat(a) || (b && b !== a)) {
    throw new GraphError(`${at}: a gradient and its tensor are floating-point tensors of one dtype, not ${a} and ${b}`);
  }
}
