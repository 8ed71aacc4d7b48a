import { keyOf } from '../graph/key.ts';
import { hasShape } from '../onnx/declared.ts';
import { makeGraph } from '../onnx/make.ts';
import { nodeKind } from '../onnx/node-kind.ts';
import type { ModelProto, NodeProto, TensorProto, ValueInfoProto } from '../onnx/proto.ts';
import { smallNumbers } from '../onnx/small-numbers.ts';
import { subgraphsOf } from '../onnx/subgraphs.ts';
import { type Backward, type BackwardRequest, backward, gradientName, seedName } from './backward.ts';
import { nextOrder } from './names.ts';
import { originOf, withOrigin } from './origin.ts';

/** How many derivatives are kept; the first one goes first. */
const KEPT = 64;

/** Kinds of nodes by numbers. */
class NodeKinds {
  private readonly numbers = new Map<string, number>();

  /** Null for a node with bodies. */
  of(node: NodeProto): number | null {
    const kind = nodeKind(node);
    if (kind === null) return null;
    const number = this.numbers.get(kind) ?? this.numbers.size;
    this.numbers.set(kind, number);
    return number;
  }
}

/** A model and a question to its derivative, but for names. */
interface Form {
  /** The same for those that differ in names alone. */
  readonly key: string;
  /** The names of its tensors, by their numbers. */
  readonly tensors: readonly string[];
}

/** A derivative that was written. */
interface Written {
  readonly form: Form;
  readonly model: ModelProto;
  readonly derivative: Backward;
  /** By constants that have the bytes of a weight of the model: that weight. */
  readonly copies: ReadonlyMap<string, string>;
}

/**
 * Derivatives by kinds of models: the layers of a model are alike, so that that of one, with other names, is that of the
 * next.
 */
export class DerivativeKinds {
  private readonly written = new Map<string, Written>();
  private readonly nodes = new NodeKinds();

  /** What `backward` gives. */
  of(model: ModelProto, request: BackwardRequest): Backward {
    const form = formOf(model, request, this.nodes);
    const known = form && this.written.get(form.key);
    if (known) return renamed(known, model, form.tensors);
    const derivative = backward(model, request);
    // Rules may write bodies.
    if (form && derivative.model.graph!.node.every((node) => subgraphsOf(node).length === 0)) {
      this.written.set(form.key, { form, model, derivative, copies: copiesIn(model, derivative) });
      if (this.written.size > KEPT) this.written.delete(this.written.keys().next().value!);
    }
    return derivative;
  }
}

/** Null for a model that has nodes with bodies. */
function formOf(
  { graph, opsetImport, functions }: ModelProto,
  request: BackwardRequest,
  kinds: NodeKinds,
): Form | null {
  const numbers = new Map<string, number>();
  const numberOf = (name: string) => {
    const number = numbers.get(name) ?? numbers.size;
    numbers.set(name, number);
    return number;
  };
  const numbered = (names: Iterable<string>) => Array.from(names, (name) => (name === '' ? '' : numberOf(name)));
  const { input, node, initializer } = graph!;
  const inputs = input.map(
    (one) => `${numberOf(one.name)} ${declared(one)} ${JSON.stringify(request.dims?.get(one.name))}`,
  );
  const nodes: string[] = [];
  for (const one of node) {
    const kind = kinds.of(one);
    if (kind === null) return null;
    nodes.push(`${kind} ${numbered(one.input)} ${numbered(one.output)}`);
  }
  const weights = initializer
    .filter(({ name }) => numbers.has(name))
    .map((one) => `${numberOf(one.name)} ${data(one)}`);
  const { seeds, wanted, replaced = [], given = [] } = request;
  const asked = [numbered(seeds), numbered(wanted), numbered(replaced).sort(byNumber), numbered(given).sort(byNumber)];
  const sets = opsetImport.map(({ domain, version }) => `${domain} ${version}`);
  const called = functions.map(({ domain, name }) => `${domain} ${name}`);
  const key = keyOf(nextOrder(numbers.keys()), sets, called, asked, inputs, weights.sort(), nodes);
  return { key, tensors: [...numbers.keys()] };
}

/** What the declaration of an input tells. */
function declared({ type }: ValueInfoProto): string {
  if (type?.value.case !== 'tensorType') return `${type?.value.case}`;
  const { elemType, shape } = type.value.value;
  return `${elemType} ${shape?.dim.map(({ value }) => `${value.case} ${value.value}`)}`;
}

/** What is looked at of a weight while a derivative is written. */
function data(tensor: TensorProto): string {
  const numbers = tensor.dims.length < 2 ? smallNumbers(tensor) : null;
  return `${tensor.dataType} [${tensor.dims}] ${numbers?.map((one) => (Object.is(one, -0) ? '-0' : one))}`;
}

function copiesIn(model: ModelProto, derivative: Backward): Map<string, string> {
  const weights = model.graph!.initializer;
  const own = new Set(weights.map(({ name }) => name));
  const copies = new Map<string, string>();
  for (const constant of derivative.model.graph!.initializer) {
    const weight = own.has(constant.name) ? undefined : weights.find((one) => hasSameBytes(one, constant));
    if (weight) copies.set(constant.name, weight.name);
  }
  return copies;
}

/** Whether the bytes of two tensors are the same piece of memory, or of a file. */
function hasSameBytes(a: TensorProto, b: TensorProto): boolean {
  const [entry] = a.externalData;
  return (a.rawData?.length > 0 && a.rawData === b.rawData) || (entry !== undefined && entry === b.externalData[0]);
}

/** The derivative of another model of the kind, by the names of that one's tensors. */
function renamed(
  { form, model, derivative, copies }: Written,
  other: ModelProto,
  tensors: readonly string[],
): Backward {
  const names = new Map<string, string>();
  form.tensors.forEach((old, number) => {
    names.set(old, tensors[number]!);
  });
  const nameOf = (tensor: string) => names.get(tensor) ?? tensor;
  const { order } = derivative;
  for (const seed of derivative.seeds) names.set(seedName(seed), seedName(nameOf(seed)));
  for (const tensor of derivative.outputs) names.set(gradientName(tensor, order), gradientName(nameOf(tensor), order));
  const nodes = model.graph!.node.map((node, i) => [node, other.graph!.node[i]!] as const);
  const origins = new Map(nodes.map(([node, own]) => [originOf(node), originOf(own)]));
  const owns = new Map(nodes.map(([node, own]) => [node.output.find(Boolean), own]));
  const own = (node: NodeProto): NodeProto => {
    const input = node.input.map(nameOf);
    const same = owns.get(node.output.find(Boolean));
    // One of the model itself: it may have been given a shape that is known.
    if (same) return { ...same, input, attribute: node.attribute };
    const made = { ...node, input, output: node.output.map(nameOf) };
    return node.docString ? withOrigin(made, origins.get(originOf(node))!) : made;
  };
  const weights = new Map(other.graph!.initializer.map((tensor) => [tensor.name, tensor]));
  const weight = (tensor: TensorProto): TensorProto => {
    const name = names.get(tensor.name);
    if (name !== undefined) return weights.get(name)!;
    const source = copies.get(tensor.name);
    if (source === undefined) return tensor;
    return { ...weights.get(nameOf(source))!, name: tensor.name, dataType: tensor.dataType, dims: tensor.dims };
  };
  // What the model leaves open was declared as in the run that is asked for.
  const inputs = new Map(other.graph!.input.filter(hasShape).map((input) => [input.name, input]));
  const input = (one: ValueInfoProto) => inputs.get(nameOf(one.name)) ?? { ...one, name: nameOf(one.name) };
  const graph = derivative.model.graph!;
  return {
    model: {
      ...derivative.model,
      graph: makeGraph(
        graph.name,
        graph.node.map(own),
        graph.input.map(input),
        graph.output.map((output) => ({ ...output, name: nameOf(output.name) })),
        graph.initializer.map(weight),
      ),
    },
    inputs: derivative.inputs.map(nameOf),
    seeds: derivative.seeds.map(nameOf),
    outputs: derivative.outputs.map(nameOf),
    order,
  };
}

function byNumber(a: number | '', b: number | ''): number {
  return Number(a) - Number(b);
}
