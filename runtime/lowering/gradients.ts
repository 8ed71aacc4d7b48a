import { TraceError } from '../errors.ts';
import { dependents } from '../gradients/activity.ts';
import { Cotangents } from '../gradients/cotangents.ts';
import { declaredDims } from '../gradients/declared-dims.ts';
import { Emitter } from '../gradients/emitter.ts';
import { GradientError } from '../gradients/error.ts';
import { Facts } from '../gradients/facts.ts';
import { needed } from '../gradients/needed.ts';
import { independent, noDerivative } from '../gradients/no-derivative.ts';
import { gradientOpset } from '../gradients/operator-sets.ts';
import { sweep } from '../gradients/sweep.ts';
import type { Node, NodeOf, Value } from '../graph/types.ts';
import { type Copy, copiesOf } from '../onnx/copies.ts';
import { elementType } from '../onnx/dtypes.ts';
import { makeTensor } from '../onnx/make.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { NodeProto } from '../onnx/proto.ts';
import { smallNumbers } from '../onnx/small-numbers.ts';
import type { Dependencies } from './dependencies.ts';
import { checkIterations } from './through-iterations.ts';
import type { Writer } from './writer.ts';

/** Writes gradients into the model itself, behind all that the loss is computed from: one model, one run. */
export class GradientLowering {
  private readonly model: OnnxModel;
  private readonly dependencies: Dependencies;
  private readonly writer: Writer;
  private readonly facts = new Facts();
  /** How many nodes, and constants, the facts know. */
  private known = { nodes: 0, constants: 0 };
  private count = 0;

  constructor(model: OnnxModel, dependencies: Dependencies, writer: Writer) {
    this.model = model;
    this.dependencies = dependencies;
    this.writer = writer;
    this.facts.learnGraph({ ...model.graph, node: [] });
    for (const input of model.graph.input) {
      this.facts.set(input.name, model.elementTypes.get(input.name) ?? 0, declaredDims(input, this.facts));
    }
  }

  /**
   * Writes one gradient and gives its name. Throws a TraceError where there is none.
   * @param operands those that are used so far, with their names
   * @param writer where it is needed: in a body it goes back through what that and those around it have computed
   */
  write(
    node: NodeOf<'grad'>,
    operands: readonly { readonly name: string; readonly node: Node }[],
    writer: Writer,
  ): string {
    this.learn(operands);
    checkIterations(node, writer, this.dependencies);
    const [pass, of] = node.inputs as [Value, Value];
    const facts = this.factsIn(writer);
    const before = writtenBefore(writer);
    const emit = new Emitter(facts, gradientOpset(this.model.proto), ++this.count);
    const known = new Cotangents(emit);
    const loss = this.writer.name(pass.node!.inputs[0]!);
    known.add(loss, this.seed(emit, pass.node!));
    const replaced = new Set<string>();
    for (const set of this.dependencies.replacedBehind(node)) {
      const { inputs } = set;
      const name = this.writer.name(inputs[1]!);
      if (!dependents(before, [name], facts).has(loss)) throw independent(set);
      replaced.add(name);
      known.add(name, this.writer.name(inputs[2]!));
    }
    const wanted = this.writer.name(of);
    const copies = this.parameterCopies(of, node);
    try {
      sweep(emit, before, known, { wanted: new Set([wanted, ...copies.map(({ name }) => name)]), replaced });
    } catch (error) {
      throw error instanceof GradientError ? noDerivative(error, node, [this.model]) : error;
    }
    const parts = copies.map(({ name, isTransposed }) => {
      const made = known.of(name);
      return made && isTransposed ? emit.transpose(made, [1, 0]) : made;
    });
    const made = [known.of(wanted), ...parts].filter((part) => part !== null);
    const sum = made.length > 0 ? made.reduce((total, part) => emit.plus(total, part)) : null;
    const gradient = sum ?? (node.attributes.unused === 'zeros' ? emit.zerosLike(wanted) : null);
    if (!gradient) throw independent(node);
    writer.names.constants.push(...emit.constants);
    writer.push(needed(emit.nodes, [gradient]).nodes);
    return gradient;
  }

  /** What is known where a writer writes. */
  private factsIn(writer: Writer): Facts {
    if (!writer.body) return this.facts;
    const { around, region } = writer.body;
    const facts = this.factsIn(around).inner();
    for (const value of region.parameters) {
      const { dtype, shape } = value.type;
      facts.set(writer.name(value), elementType(dtype), shape?.map(() => facts.symbol()) ?? null);
    }
    for (const node of writer.written) facts.learn(node);
    return facts;
  }

  /** The copies of a parameter that the model has beside it; none for a value that is no parameter. */
  private parameterCopies({ node }: Value, { site }: Node): readonly Copy[] {
    if (node?.op !== 'read' || node.attributes.port !== 'parameter') return [];
    const { tensor, nodes } = this.dependencies.forwards[0]!.locate(node.attributes);
    if (nodes.length === 0) return copiesOf(this.model, tensor);
    throw new TraceError(
      `The file has one tensor for ${node.attributes.path} and for other parameters that were equal, and one model that runs forward and back cannot tell their gradients apart. Take the gradient in a trace.`,
      site,
    );
  }

  /** What comes in at the loss: 1 where nothing is given. */
  private seed(emit: Emitter, { inputs, site }: Node): string {
    const [loss, given] = inputs as [Value, Value | undefined];
    if (given) return this.writer.name(given);
    if (!loss.type.shape?.every((dim) => dim === 1)) {
      throw new TraceError(
        'How many elements the loss has is known only when the model runs, and only one element has a gradient by itself. Sum it up, or say which gradient comes in: backward(loss, gradient).',
        site,
      );
    }
    const one = makeTensor('', loss.type.dtype, [1], [1]);
    return emit.node('ConstantOfShape', [emit.shape(this.writer.name(loss))], { value: { tensor: one } });
  }

  /** Takes in what was written since the last gradient. */
  private learn(operands: readonly { readonly name: string; readonly node: Node }[]): void {
    const { facts, writer } = this;
    for (const { name, node } of operands) {
      const { dtype, shape } = node.outputs[0]!.type;
      if (!facts.dims(name)) facts.set(name, elementType(dtype), shape?.map(() => facts.symbol()) ?? null);
    }
    for (const tensor of writer.names.constants.slice(this.known.constants)) {
      const dims = tensor.dims.map(Number);
      facts.set(tensor.name, tensor.dataType, dims, dims.length < 2 ? smallNumbers(tensor) : null);
    }
    for (const node of writer.written.slice(this.known.nodes)) facts.learn(node);
    this.known = { nodes: writer.written.length, constants: writer.names.constants.length };
  }
}

/** The nodes that have run where a writer stands. */
function writtenBefore({ body, written }: Writer): readonly NodeProto[] {
  return body ? [...writtenBefore(body.around), ...written] : written;
}
