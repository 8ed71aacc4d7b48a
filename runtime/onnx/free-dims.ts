import type { GraphProto, ModelProto, ValueInfoProto } from './proto.ts';

/** A model whose dims below 0, as old exporters write free ones, are free. */
export function withFreeDims(proto: ModelProto): ModelProto {
  const { graph } = proto;
  if (!graph) return proto;
  const changed: GraphProto = {
    ...graph,
    input: graph.input.map(freed),
    output: graph.output.map(freed),
    valueInfo: graph.valueInfo.map(freed),
  };
  return { ...proto, graph: changed };
}

function freed(info: ValueInfoProto): ValueInfoProto {
  const tensor = info.type?.value;
  if (tensor?.case !== 'tensorType') return info;
  for (const dim of tensor.value.shape?.dim ?? []) {
    if (dim.value.case === 'dimValue' && dim.value.value < 0n) dim.value = { case: undefined };
  }
  return info;
}
