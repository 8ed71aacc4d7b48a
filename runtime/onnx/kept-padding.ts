import { intsAttribute } from './attributes.ts';
import { added } from './branches/stands-for.ts';
import { isStandard } from './domains.ts';
import { FreshNames } from './fresh-names.ts';
import { makeNode, makeTensor } from './make.ts';
import { changedNode, type GraphProto, type ModelProto, type NodeProto, type TensorProto } from './proto.ts';
import { mapSubgraphs, nodesWithin } from './subgraphs.ts';

/** The operators that a `Pad` in front of them becomes a part of although it does not mean the same there, each with the input. */
const SEEN = new Map([
  ['MaxPool', 0],
  ['AveragePool', 0],
  ['Conv', 1],
]);

/** What ONNX Runtime takes out between the two where it changes nothing, or moves to before the `Pad`. */
const BETWEEN = new Set('Add Cast Div Dropout Expand Identity Mul Reshape Slice Sub Transpose'.split(' '));

/**
 * A model whose pooling sees the zeros that a `Pad` in front of it has put there. ONNX Runtime (1.30) makes the `Pad` a part of
 * the pooling; but pooling leaves its own padding out, so that the largest of zeros and negative numbers would be a negative
 * one, may pad by less than its kernel only, and begins no window in it where sizes are rounded up. A `Pad` of a convolution's
 * weights is taken for one of what it reads. A `Reshape` to the same sizes, which copies nothing, keeps them apart.
 */
export function withKeptPadding(proto: ModelProto): ModelProto {
  const { graph } = proto;
  if (!graph || !hasPad(graph.node)) return proto;
  return { ...proto, graph: keptApart(graph, new FreshNames(graph), new Map()) };
}

function hasPad(nodes: Iterable<NodeProto>): boolean {
  for (const { opType } of nodesWithin(nodes)) if (opType === 'Pad') return true;
  return false;
}

type Makers = ReadonlyMap<string, NodeProto>;

/** `around` tells who makes the tensors of the graphs that a graph stands in: a branch may be opened into them later. */
function keptApart(graph: GraphProto, names: FreshNames, around: Makers): GraphProto {
  const own = graph.node.flatMap((one) => one.output.map((tensor) => [tensor, one] as const));
  const makers = new Map([...around, ...own]);
  const constants: TensorProto[] = [];
  const node = graph.node.flatMap((given) => {
    const one = mapSubgraphs(given, (subgraph) => keptApart(subgraph, names, makers));
    const [index, rank] = [isStandard(one) ? SEEN.get(one.opType) : undefined, rankOf(one)];
    if (index === undefined || rank === null || !isPadded(one.input[index]!, makers)) return [one];
    const [sizes, same] = [names.beside(one, 'sizes'), names.beside(one, 'padded')];
    constants.push(makeTensor(sizes, 'int64', Array<number>(rank).fill(0), [rank]));
    return [
      added(makeNode('Reshape', [one.input[index]!, sizes], [same], {}, same)),
      changedNode(one, { input: one.input.with(index, same) }),
    ];
  });
  return { ...graph, node, initializer: [...graph.initializer, ...constants] };
}

/** Whether a `Pad` stands in front of a tensor. The order of the nodes has not been checked yet: they may form a circle. */
function isPadded(tensor: string, makers: Makers): boolean {
  const tensors = new Set([tensor]);
  for (const one of tensors) {
    const maker = makers.get(one);
    if (maker?.opType === 'Pad') return true;
    if (maker && BETWEEN.has(maker.opType)) for (const input of maker.input) tensors.add(input);
  }
  return false;
}

/** Of the tensor that a window goes over, as far as its node tells. */
function rankOf(node: NodeProto): number | null {
  const [kernel, pads] = [intsAttribute(node, 'kernel_shape'), intsAttribute(node, 'pads')];
  const dims = kernel?.length ?? (pads && pads.length / 2);
  return dims === null || dims === undefined ? null : dims + 2;
}
