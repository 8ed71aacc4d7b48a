import { intAttribute, intsAttribute, stringAttribute } from './attributes.ts';
import { isStandard } from './domains.ts';
import { makeAttribute } from './make.ts';
import { changedNode, type GraphProto, type ModelProto, type NodeProto } from './proto.ts';
import { mapSubgraphs } from './subgraphs.ts';

/** What ONNX Runtime takes out between the two, or leaves as it is. */
const BETWEEN = new Set(['Identity', 'Cast', 'Dropout']);

/**
 * A model whose pooling sees the zeros that a `Pad` in front of it has put there. ONNX Runtime (1.30) makes the `Pad` a part of
 * a pooling that says how much it pads; but pooling leaves its own padding out: the largest of zeros and negative numbers would
 * be a negative one. One that does not pad says so by `auto_pad`, which is left alone.
 */
export function withKeptPadding(proto: ModelProto): ModelProto {
  const { graph } = proto;
  return graph ? { ...proto, graph: withoutPadding(graph) } : proto;
}

function withoutPadding(graph: GraphProto): GraphProto {
  const makers = new Map(graph.node.flatMap((one) => one.output.map((tensor) => [tensor, one] as const)));
  const isPadded = ({ input: [given = ''] }: NodeProto): boolean => {
    const maker = makers.get(given);
    return maker !== undefined && (maker.opType === 'Pad' || (BETWEEN.has(maker.opType) && isPadded(maker)));
  };
  const node = graph.node.map((one) => {
    const own = padsNothing(one) && isPadded(one) ? withoutPads(one) : one;
    return mapSubgraphs(own, withoutPadding);
  });
  return { ...graph, node };
}

/** Whether a node is a pooling that does not pad. One whose sizes are rounded up has no other way to say so. */
function padsNothing(node: NodeProto): boolean {
  const isPooling = isStandard(node) && (node.opType === 'MaxPool' || node.opType === 'AveragePool');
  if (!isPooling || intAttribute(node, 'ceil_mode') === 1) return false;
  const mode = stringAttribute(node, 'auto_pad') ?? 'NOTSET';
  return mode === 'NOTSET' && (intsAttribute(node, 'pads') ?? []).every((pad) => pad === 0);
}

function withoutPads(node: NodeProto): NodeProto {
  const others = node.attribute.filter(({ name }) => name !== 'pads' && name !== 'auto_pad');
  return changedNode(node, { attribute: [...others, makeAttribute('auto_pad', { string: 'VALID' })] });
}
