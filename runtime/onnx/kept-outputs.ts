import { readsOf } from './captures.ts';
import { FreshNames } from './fresh-names.ts';
import { makeNode } from './make.ts';
import { changedNode, decodeModel, encodeModel, type GraphProto, type ModelProto, type NodeProto } from './proto.ts';
import { renameReads } from './rename.ts';

/**
 * Operators that ONNX Runtime (1.30) joins with those that read their results although these are outputs too, which are then
 * made by nobody: reading them ends the process. `Range` in front of a `Gather` becomes a `Slice`, `Mul` and `Pow` a part of a
 * `FastGelu`.
 */
const JOINED = new Set(['Range', 'Mul', 'Pow']);

/** What the names of nodes begin with that are here for ONNX Runtime alone. */
const MARK = 'onnsight/kept:';

/** A model for ONNX Runtime as the bytes of an .onnx file, of which it gives all outputs. */
export function encodeWithOutputs(model: ModelProto): Uint8Array {
  return encodeModel(withKeptOutputs(model));
}

/** The model that `encodeWithOutputs` was given. */
export function decodeWithOutputs(bytes: Uint8Array): ModelProto {
  const model = decodeModel(bytes);
  const graph = model.graph!;
  const [kept, own] = [graph.node.filter(isKept), graph.node.filter((node) => !isKept(node))];
  if (kept.length === 0) return model;
  const outer = new Map(kept.map(({ input, output }) => [input[0]!, output[0]!]));
  const renamed = (name: string) => outer.get(name) ?? name;
  const node = own.map((one) => changedNode(renameReads(one, renamed), { output: one.output.map(renamed) }));
  return { ...model, graph: { ...graph, node } };
}

const isKept = ({ name }: NodeProto) => name.startsWith(MARK);

/**
 * A model in which ONNX Runtime makes all outputs: what a node of such an operator gives to others and as an output is given by
 * way of an `Identity`, so that two nodes read it, and no others are joined.
 */
function withKeptOutputs(model: ModelProto): ModelProto {
  const graph = model.graph!;
  const outputs = new Set(graph.output.map(({ name }) => name));
  const made = graph.node.filter(({ opType, output }) => JOINED.has(opType) && outputs.has(output[0]!));
  if (made.length === 0) return model;
  const read = new Set(graph.node.flatMap(readsOf));
  const kept = made.map(({ output }) => output[0]!).filter((name) => read.has(name));
  return kept.length === 0 ? model : { ...model, graph: throughIdentities(graph, kept) };
}

function throughIdentities(graph: GraphProto, kept: readonly string[]): GraphProto {
  const names = new FreshNames(graph);
  const inner = new Map(kept.map((name) => [name, names.take(`${name}:kept`)]));
  const renamed = (name: string) => inner.get(name) ?? name;
  const node = graph.node.flatMap((one) => {
    const own = renameReads(one, renamed);
    const [output] = one.output;
    const within = output && inner.get(output);
    return within
      ? [changedNode(own, { output: [within] }), makeNode('Identity', [within], [output], {}, `${MARK}${output}`)]
      : [own];
  });
  return { ...graph, node };
}
