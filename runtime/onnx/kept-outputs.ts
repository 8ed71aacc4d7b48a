import { readsOf } from './captures.ts';
import { constantsIn } from './constants.ts';
import { dtypeName } from './dtypes.ts';
import { FreshNames } from './fresh-names.ts';
import { makeNode, makeTensor } from './make.ts';
import {
  changedNode,
  decodeModel,
  encodeModel,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from './proto.ts';
import { renameReads } from './rename.ts';
import { smallNumbers } from './small-numbers.ts';

/**
 * Operators that ONNX Runtime (1.30) joins with those that read their results although these are outputs too, which are then
 * made by nobody: reading them ends the process. `Range` in front of a `Gather` becomes a `Slice`, `Mul` and `Pow` a part of a
 * `FastGelu`, `Cast` between a `Transpose` and a `MatMul` a part of a `FusedMatMul`, and one of halves in front of a norm a part of
 * a `LayerNormalization` that mixes types.
 */
const JOINED = new Set(['Range', 'Mul', 'Pow', 'Cast']);

/** What the names of nodes begin with that are here for ONNX Runtime alone. */
const MARK = 'onnsight/kept:';

/** A model for ONNX Runtime as the bytes of an .onnx file, of which it gives all outputs. */
export function encodeWithOutputs(model: ModelProto): Uint8Array {
  return encodeModel(withKeptOutputs(withKeptHalves(model)));
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
 * A model in which others than a GELU may read the half of what goes into it: ONNX Runtime (1.30) makes a `FastGelu` of the
 * GELU and takes the half out, unless it is an output, so that they had nothing to read. A division by 2 has the same bits,
 * and stays.
 */
function withKeptHalves(model: ModelProto): ModelProto {
  const graph = model.graph!;
  const halves = halvesOf(graph);
  if (halves.size === 0) return model;
  const outputs = new Set(graph.output.map(({ name }) => name));
  const reads = new Map<string, number>();
  for (const name of graph.node.flatMap(readsOf)) reads.set(name, (reads.get(name) ?? 0) + 1);
  const isShared = ({ output: [made = ''] }: NodeProto) => reads.get(made)! > 1 && !outputs.has(made);
  if (![...halves.keys()].some(isShared)) return model;
  const names = new FreshNames(graph);
  const twos: TensorProto[] = [];
  const node = graph.node.map((one) => {
    const half = halves.get(one);
    if (!half || !isShared(one)) return one;
    const two = names.take(`${one.output[0]}:two`);
    twos.push(makeTensor(two, dtypeName(half.dataType)!, [2], half.dims.map(Number)));
    return changedNode(one, { opType: 'Div', input: [one.input.find((name) => name !== half.name)!, two] });
  });
  // ONNX Runtime warns of tensors that nothing reads.
  const left = new Set(node.flatMap(readsOf));
  const unread = new Set([...halves.values()].map(({ name }) => name).filter((name) => !left.has(name)));
  const initializer = [...graph.initializer.filter(({ name }) => !unread.has(name)), ...twos];
  return { ...model, graph: { ...graph, node, initializer } };
}

/** The nodes of a graph that multiply by a half, each with that. */
function halvesOf(graph: GraphProto): ReadonlyMap<NodeProto, TensorProto> {
  const products = graph.node.filter(({ opType }) => opType === 'Mul');
  const constants = products.length > 0 ? constantsIn(graph) : new Map<string, TensorProto>();
  const found = products.flatMap((node) => {
    const half = node.input.find((name) => isHalf(constants.get(name)));
    return half === undefined ? [] : [[node, { ...constants.get(half)!, name: half }] as const];
  });
  return new Map(found);
}

function isHalf(constant: TensorProto | undefined): boolean {
  if (constant === undefined || constant.dims.length > 1) return false;
  const { dataType, rawData } = constant;
  if (dtypeName(dataType) === 'float16') return rawData.length === 2 && rawData[0] === 0 && rawData[1] === 0x38;
  const numbers = smallNumbers(constant);
  return numbers?.length === 1 && numbers[0] === 0.5;
}

/**
 * A model in which ONNX Runtime makes all outputs: what a node of such an operator gives to others and as an output is given by
 * way of an `Identity`, so that two nodes read it, and no others are joined.
 */
function withKeptOutputs(model: ModelProto): ModelProto {
  const graph = model.graph!;
  const outputs = new Set(graph.output.map(({ name }) => name));
  const all = graph.node.filter(({ opType, output }) => JOINED.has(opType) && outputs.has(output[0]!));
  const halves = all.length === 0 ? null : halvesOf(graph);
  // A half that is an output stays one, and would be taken out if something else gave it.
  const made = all.filter((node) => !halves!.has(node));
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
