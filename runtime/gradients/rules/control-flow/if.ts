import type { GraphProto } from '../../../onnx/proto.ts';
import { mapSubgraphs } from '../../../onnx/subgraphs.ts';
import { Cotangents } from '../../cotangents.ts';
import type { SubgraphRule } from '../../rule.ts';
import { Subgraph } from '../../subgraph.ts';
import { neededCaptures, outputGradient, paired, refuseDraws } from './states.ts';

/** The same choice again: each branch gives the gradients by all that either captures. */
export const ifRule: SubgraphRule = (emit, at, active, sweep) => {
  refuseDraws(at);
  const captured = neededCaptures(at, active);
  const back = (branch: GraphProto) => {
    const graph = new Subgraph(emit);
    const copy = graph.copy(branch, []);
    const known = new Cotangents(graph.emit);
    copy.outputs.forEach((tensor, i) => {
      const gradient = at.gradients[i];
      if (gradient) known.add(tensor, gradient);
    });
    sweep(graph.emit, copy.nodes, known, { wanted: new Set(captured) });
    for (const tensor of captured) outputGradient(graph, known, tensor);
    return graph.graph();
  };
  const gradients = captured.map((tensor) => emit.named('If', emit.facts.type(tensor)));
  emit.place({ ...mapSubgraphs(at.node, back), name: '', output: gradients });
  return paired(emit, captured, gradients);
};
