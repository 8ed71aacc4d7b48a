import { createHash } from 'node:crypto';
import type { BuiltIntervention } from '../../api/intervention.ts';
import { TraceError } from '../../errors.ts';
import type { Lowered } from '../../lowering/lower.ts';
import { makeMetadata, makeNode, makeRawTensor, makeValueInfo } from '../../onnx/make.ts';
import type { OnnxModel } from '../../onnx/model.ts';
import {
  decodeModel,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../../onnx/proto.ts';
import { renameAll, tensorNames } from '../../onnx/rename.ts';
import type { InterventionParameter } from '../../types/intervention.ts';
import type { JoinedGraph } from './joined-graph.ts';
import { placeWrites } from './placed-writes.ts';

/** A model with an intervention in its graph; its weights are still in their files. */
export interface RewrittenModel {
  readonly proto: ModelProto;
  /** Names of the model's own inputs that are read. */
  readonly inputs: readonly string[];
  /** What tensors were called before, by the names that they have as inputs and outputs. */
  readonly formerNames: ReadonlyMap<string, string>;
}

/**
 * Makes a model for any host from the lowered graph: parameters become inputs by their names, captured data becomes
 * constants, results become outputs by theirs. Throws a TraceError for a parameter that nothing depends on.
 */
export function rewriteModel(
  whole: JoinedGraph,
  parameters: BuiltIntervention['parameters'],
  lowered: Lowered,
  outputNames: readonly string[],
  description: Readonly<Record<string, string>>,
): RewrittenModel {
  const { model, graph } = whole;
  const proto = decodeModel(lowered.bytes);
  const operands = [...graph.operands];
  const names = new Map<string, string>();
  const prefix = prefixFor(model.graph);
  const constants = new Constants();
  const inputs: ValueInfoProto[] = [];
  const unused = new Set(parameters.values());
  const parameterOf = new Map([...parameters].map(([made, parameter]) => [whole.value(made), parameter]));
  for (const { position, name } of lowered.operands) {
    const [node, data] = operands[position]!;
    const value = node.outputs[0]!;
    const parameter = parameterOf.get(value);
    if (parameter) {
      unused.delete(parameter);
      names.set(name, parameter.name);
      inputs.push(makeValueInfo(name, parameter.dtype, parameter.dims));
      continue;
    }
    const first = constants.add(makeRawTensor(name, value.type.dtype, data.data as Float32Array, data.dims));
    if (first !== name) names.set(name, addedName(first, prefix));
  }
  for (const parameter of unused) throw unread(parameter);
  const writes = lowered.writes.filter(({ node }) => !whole.entering.has(node));
  const written = placeWrites(model, proto.graph!.node, { ...lowered, writes }, prefix);
  const { nodes, outputs } = distinctOutputs(written.nodes, written.outputs);
  outputs.forEach((name, i) => {
    names.set(name, outputNames[i]!);
  });
  const used = new Set(lowered.inputs);
  const rewritten: GraphProto = {
    ...proto.graph!,
    node: nodes,
    initializer: [...proto.graph!.initializer, ...constants.all],
    input: [
      ...inOrder(
        proto.graph!.input.filter(({ name }) => used.has(name)),
        model.inputs.map(({ name }) => name),
        ({ name }) => name,
      ),
      ...inOrder(
        inputs,
        [...parameters.values()].map(({ name }) => name),
        ({ name }) => names.get(name)!,
      ),
    ],
    output: outputs.map((name, i) => {
      const { dtype, shape } = graph.saves[i]!.value.type;
      return makeValueInfo(name, dtype, shape);
    }),
    valueInfo: [],
  };
  const finished = renameAll(rewritten, finalNames(names, prefix), (name) => nodeName(name, prefix));
  return {
    proto: { ...proto, ...identity(model, description), graph: { ...finished, name: model.graph.name } },
    inputs: [...lowered.inputs],
    formerNames: new Map([...names].map(([former, name]) => [name, former])),
  };
}

/** Captured data: what is captured twice is written once. */
class Constants {
  readonly all: TensorProto[] = [];
  readonly #names = new Map<string, string>();

  /** The name of the first constant of the same type and elements: its own if there is none yet. */
  add(tensor: TensorProto): string {
    const hash = createHash('sha256').update(`${tensor.dataType} ${tensor.dims.join()} `).update(tensor.rawData);
    const key = hash.digest('hex');
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    this.#names.set(key, tensor.name);
    this.all.push(tensor);
    return tensor.name;
  }
}

/** What a model says of itself, and of what was done to it. */
function identity({ proto }: OnnxModel, description: Readonly<Record<string, string>>) {
  const { producerName, producerVersion, domain, modelVersion, docString } = proto;
  const kept = proto.metadataProps.filter(({ key }) => !Object.hasOwn(description, key));
  const metadataProps = [...kept, ...makeMetadata(description)];
  return { producerName, producerVersion, domain, modelVersion, docString, metadataProps };
}

/** The items in the order of their names in `order`. */
function inOrder<T>(items: readonly T[], order: readonly string[], nameOf: (item: T) => string): T[] {
  return [...items].sort((a, b) => order.indexOf(nameOf(a)) - order.indexOf(nameOf(b)));
}

function unread({ name }: InterventionParameter): TraceError {
  return new TraceError(
    `Nothing that the intervention returns depends on its parameter '${name}', so it can have no effect. Use it, or do not declare it.`,
  );
}

/** Each result is an output of its own, even if two are one value. */
function distinctOutputs(nodes: readonly NodeProto[], outputs: readonly string[]) {
  const seen = new Set<string>();
  const copies: NodeProto[] = [];
  const distinct = outputs.map((name, i) => {
    if (!seen.has(name)) {
      seen.add(name);
      return name;
    }
    const copy = `onnsight/result_${i}`;
    copies.push(makeNode('Identity', [name], [copy]));
    return copy;
  });
  return { nodes: [...nodes, ...copies], outputs: distinct };
}

/**
 * The prefix of the names of all added nodes and tensors. A bundle's model may be rewritten again: each time has a number of its
 * own, so that names never collide.
 */
function prefixFor(graph: GraphProto): string {
  const names = [...tensorNames(graph), ...graph.node.map(({ name }) => name)];
  const numbers = names.map((name) => Number(/(?:^|\/)onnsight(\d+)_/.exec(name)?.[1] ?? 0));
  return `onnsight${numbers.reduce((a, b) => Math.max(a, b), 0) + 1}_`;
}

/** The final name of a tensor that was added. */
function addedName(name: string, prefix: string): string {
  return prefix + name.slice('onnsight/'.length);
}

function finalNames(wanted: ReadonlyMap<string, string>, prefix: string): (name: string) => string {
  const claimed = new Set(wanted.values());
  return (name) => {
    const given = wanted.get(name);
    if (given !== undefined) return given;
    if (name.startsWith('onnsight/')) return addedName(name, prefix);
    // A tensor of the model that has the name of a parameter or a result gives it up.
    return claimed.has(name) ? prefix + name : name;
  };
}

/** Replaces slashes: the module tree is read from names, and a slash would make a module. */
function nodeName(name: string, prefix: string): string {
  return name.startsWith('onnsight/') ? prefix + name.slice('onnsight/'.length).replaceAll('/', '|') : name;
}
