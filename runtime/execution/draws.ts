import { TraceError } from '../errors.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { Dependencies } from '../lowering/dependencies.ts';
import { pathOfNode } from '../modules/operation-path.ts';
import { dtypeName } from '../onnx/dtypes.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Engine } from './engine.ts';

/**
 * What the nodes of a model that draw random numbers have drawn in one forward. A forward that runs in several legs
 * computes again what it computed before, but draws once: what one leg has drawn stands in the graph of the next.
 */
export class Draws {
  private readonly known = new Map<string, Tensor>();

  /** Runs the graph of a leg, which it changes, and gives what the graph saves. */
  async run(
    graph: InterventionGraph,
    engine: Engine,
    run: (graph: InterventionGraph) => Promise<Tensor[]>,
  ): Promise<Tensor[]> {
    const asked = graph.saves.length;
    const drawn = this.settle(graph, engine);
    const tensors = await run(graph);
    drawn.forEach((tensor, i) => {
      this.known.set(tensor, tensors[asked + i]!);
    });
    return tensors.slice(0, asked);
  }

  /** Writes what is known in the place of the model's draws, and saves the others: gives their names. */
  private settle(graph: InterventionGraph, engine: Engine): string[] {
    const { model, tree } = engine;
    const needed = new Dependencies(graph, [engine]).order(graph.saves.map(({ value }) => value));
    const drawn: string[] = [];
    for (const vertex of needed) {
      const node = typeof vertex === 'number' ? model.graph.node[vertex]! : null;
      if (node === null || !model.draws(node)) continue;
      const outputs = node.output.filter((tensor) => tensor !== '');
      for (const [index, tensor] of outputs.entries()) {
        const dtype = dtypeName(model.elementTypes.get(tensor) ?? 0);
        if (dtype === null) {
          throw new TraceError(
            `${node.name || node.opType} of the model draws random numbers and gives something else than a tensor, so the model cannot be left in the middle: call functions and other models before it or after it, not both.`,
          );
        }
        const address = {
          path: pathOfNode(tree, vertex as number),
          port: 'output',
          index,
          call: 0,
          forward: 0,
        } as const;
        const type = { dtype, shape: null };
        const known = this.known.get(tensor);
        if (known) {
          const operand = graph.add(graph.root, 'operand', [], [type], { dtype }, null);
          graph.operands.set(operand, { dims: known.dims, data: known.raw });
          graph.add(graph.root, 'write', operand.outputs, [], { ...address, inplace: true, lenient: true }, null);
        } else {
          const read = graph.add(graph.root, 'read', [], [type], address, null);
          graph.saves.push({ name: tensor, value: read.outputs[0]! });
          drawn.push(tensor);
        }
      }
    }
    return drawn;
  }
}
