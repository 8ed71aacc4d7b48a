import type { ModelProto } from './proto.ts';
import { renameAll } from './rename.ts';

/** onnxruntime-genai gives the norm behind the last layer the name of a module in one more layer. */
const FINAL_NORM = /\blayers[./]\d+([./]final_norm_layernorm\b)/;

/** A model in which the norm behind the last layer stands beside the layers: `model.final_norm_layernorm`. */
export function withFinalNormBesideLayers(proto: ModelProto): ModelProto {
  const { graph } = proto;
  if (!graph?.node.some(({ name }) => FINAL_NORM.test(name))) return proto;
  const beside = (name: string) => name.replace(FINAL_NORM, (_, norm: string) => norm.slice(1));
  return { ...proto, graph: renameAll(graph, beside, beside) };
}
