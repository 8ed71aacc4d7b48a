import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from '../onnx/attributes.ts';
import type { NodeProto } from '../onnx/proto.ts';
import type { Cotangents } from './cotangents.ts';
import type { Emitter } from './emitter.ts';
import { GradientError } from './error.ts';

/**
 * A node whose derivative is written: what it read and made, the gradient of the loss by each output (null where nothing
 * depends on it), and which of its inputs' gradients are needed.
 */
export class Application {
  readonly node: NodeProto;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly gradients: readonly (string | null)[];
  readonly needed: readonly boolean[];

  constructor(node: NodeProto, gradients: readonly (string | null)[], needed: readonly boolean[]) {
    this.node = node;
    this.inputs = node.input;
    this.outputs = node.output;
    this.gradients = gradients;
    this.needed = needed;
  }

  /** An input; '' where it is left out. */
  input(index: number): string {
    return this.inputs[index] ?? '';
  }

  /** The gradient by the only output that matters, which is there. */
  get gradient(): string {
    const [gradient] = this.gradients;
    if (!gradient) throw this.refuse('the gradient arrives at another output than the first');
    return gradient;
  }

  needs(index: number): boolean {
    return this.needed[index] ?? false;
  }

  /** The gradients by the inputs: each is only made where it is needed. */
  each(make: (input: string, index: number) => string): (string | null)[] {
    return this.inputs.map((input, index) => (this.needs(index) ? make(input, index) : null));
  }

  /** Whether the node has an attribute. */
  has(name: string): boolean {
    return this.node.attribute.some((attribute) => attribute.name === name);
  }

  int(name: string, otherwise: number): number {
    return intAttribute(this.node, name) ?? otherwise;
  }

  float(name: string, otherwise: number): number {
    return floatAttribute(this.node, name) ?? otherwise;
  }

  string(name: string, otherwise: string): string {
    return stringAttribute(this.node, name) ?? otherwise;
  }

  ints(name: string): readonly number[] | null {
    return intsAttribute(this.node, name);
  }

  /** The error that this node has no derivative, or none that is written: `reason` says why. */
  refuse(reason: string): GradientError {
    return new GradientError(this.node, reason);
  }

  /** The number of dimensions of a tensor that has to be known. */
  rankOf(tensor: string, emit: Emitter): number {
    const rank = emit.rank(tensor);
    if (rank === null) throw this.refuse(`the number of dimensions of ${tensor} is not known`);
    return rank;
  }
}

/** The goal of a sweep. */
export interface SweepGoal {
  /** The tensors whose gradients are asked for. */
  readonly wanted: ReadonlySet<string>;
  /** The tensors whose gradient is given: gradients from their readers do not count. */
  readonly replaced?: ReadonlySet<string>;
}

/** Goes back through nodes: for rules that write a node as simpler ones, or have a subgraph to go through. */
export type SweepBack = (emit: Emitter, nodes: readonly NodeProto[], known: Cotangents, goal: SweepGoal) => void;

/** Writes the gradients by a node's inputs: null for those that are not needed or that nothing depends on. */
export type Rule = (emit: Emitter, at: Application, sweep: SweepBack) => readonly (string | null)[];

/** Rules by operator. */
export type Rules = Readonly<Record<string, Rule>>;

/**
 * Writes the gradients by all tensors that a node reads, those that its subgraphs capture included.
 * @param active the tensors whose gradients are needed
 */
export type SubgraphRule = (
  emit: Emitter,
  at: Application,
  active: ReadonlySet<string>,
  sweep: SweepBack,
) => Iterable<readonly [tensor: string, gradient: string]>;
