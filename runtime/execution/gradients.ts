import { TraceError } from '../errors.ts';
import { GradientError } from '../gradients/error.ts';
import { independent, noDerivative } from '../gradients/no-derivative.ts';
import { usesOf } from '../graph/live.ts';
import type { Node, NodeOf, Value } from '../graph/types.ts';
import { ort } from '../ort/ort.ts';
import type { SessionTensor } from '../ort/port.ts';
import { Tensor } from '../tensor/tensor.ts';
import { BackwardPass, IndependentError, OrderError } from './backward-pass.ts';
import { constant, type Gradient, type Recorder } from './recorder.ts';
import { fromTensor, toTensor, zerosLike } from './session-tensors.ts';
import { isOfWeightsAlone } from './slots.ts';
import type { RunStats } from './stats.ts';
import type { Tape } from './tape.ts';

/** The nodes of a stage: what runs forward, and what needs a gradient. */
export interface Parted {
  readonly forward: readonly Node[];
  /** Passes, the gradients that they give, what is set, and what is computed of gradients. */
  readonly derived: readonly Node[];
}

/** Parts nodes at the gradients among them; null where there are none. Throws a TraceError on a write that needs one. */
export function partAtGradients(nodes: readonly Node[]): Parted | null {
  if (!nodes.some(isGradientNode)) return null;
  const made = new Set<Value>();
  const forward: Node[] = [];
  const derived: Node[] = [];
  for (const node of nodes) {
    const isDerived = isGradientNode(node) || usesOf(node).some((value) => made.has(value));
    (isDerived ? derived : forward).push(node);
    if (isDerived) for (const output of node.outputs) made.add(output);
    if (isDerived && (node.op === 'write' || node.op === 'forward')) throw tooLate(node);
  }
  return { forward, derived };
}

export function isGradientNode(node: Node): node is NodeOf<'backward'> | NodeOf<'grad'> | NodeOf<'setgrad'> {
  return node.op === 'backward' || node.op === 'grad' || node.op === 'setgrad';
}

/** What is needed of an execution. */
interface Context {
  readonly nodes: readonly Node[];
  readonly tape: Tape;
  readonly recorder: Recorder;
  /** Takes what passes make: nobody else holds it. */
  readonly made: SessionTensor[];
  /** A value that is known. */
  at(value: Value): Tensor | undefined;
  set(value: Value, tensor: Tensor): void;
  /** Runs nodes that need nothing but what is known, and notes the values that are wanted of them. */
  compute(nodes: readonly Node[], wanted: readonly Value[]): Promise<void>;
}

/** The backward passes of a stage, and what is computed of their gradients: each value when it is asked for. */
export class Gradients {
  private readonly context: Context;
  private readonly makers: ReadonlyMap<Value, Node>;
  private readonly passes = new Map<Value, BackwardPass>();
  private readonly replacements: ReadonlyMap<Value, ReadonlyMap<Value, NodeOf<'setgrad'>>>;
  private readonly pending = new Set<Node>();
  /** The values whose gradients are being set, by the passes: what one is set to may be made of what it was. */
  private readonly replacing = new Map<Value, Set<Value>>();
  /** What passes begin at, and the values whose gradients they are asked for: they are kept when they are computed. */
  private readonly kept: ReadonlySet<Value>;

  constructor(context: Context) {
    this.context = context;
    this.makers = new Map(context.nodes.flatMap((node) => node.outputs.map((value) => [value, node] as const)));
    const replacements = new Map<Value, Map<Value, NodeOf<'setgrad'>>>();
    for (const node of context.nodes) {
      if (node.op !== 'setgrad') continue;
      const [pass, of] = node.inputs as [Value, Value];
      replacements.set(pass, (replacements.get(pass) ?? new Map()).set(of, node));
    }
    this.replacements = replacements;
    this.kept = new Set(context.nodes.filter(isGradientNode).flatMap(({ inputs }) => inputs));
  }

  /** What has happened so far, pass by pass. */
  stats(): RunStats[] {
    return [...this.passes.values()].map((pass) => pass.stats());
  }

  /** Makes values known. */
  async settle(wanted: readonly Value[]): Promise<void> {
    const nodes = this.needed(wanted);
    for (const node of nodes) if (node.op === 'grad') await this.gradient(node);
    this.checkThere(nodes);
    const own = new Set(nodes);
    const rest = this.context.nodes.filter((node) => own.has(node) && !isGradientNode(node));
    const made = rest.flatMap(({ outputs }) => outputs);
    const asked = new Set(wanted);
    const values = made.filter((value) => asked.has(value) || this.kept.has(value));
    if (rest.length > 0) await this.context.compute(rest, values);
  }

  /** Nothing can be computed of a gradient that may be absent, and is. */
  private checkThere(nodes: readonly Node[]): void {
    const used = new Set(nodes.filter((node) => !isGradientNode(node)).flatMap(usesOf));
    const absent = nodes.find(
      (node) => node.op === 'grad' && used.has(node.outputs[0]!) && !this.context.at(node.outputs[0]!),
    );
    if (absent) throw independent(absent);
  }

  /** The nodes that values need and that have not run: with gradients among them as leaves. */
  private needed(wanted: readonly Value[]): Node[] {
    const found = new Set<Node>();
    const pending = [...wanted];
    for (let value = pending.pop(); value; value = pending.pop()) {
      const node = this.makers.get(value);
      if (!node || found.has(node) || this.context.at(value)) continue;
      found.add(node);
      if (!isGradientNode(node)) for (const one of usesOf(node)) pending.push(one);
    }
    return [...found];
  }

  private async gradient(node: NodeOf<'grad'>): Promise<void> {
    const [handle, of] = node.inputs as [Value, Value];
    const [made] = node.outputs as [Value];
    if (this.context.at(made)) return;
    if (this.pending.has(node) && !this.replacing.get(handle)?.has(of)) throw circle(node);
    this.pending.add(node);
    try {
      const gradient = await (await this.pass(handle)).gradient(of);
      // It may have been asked for on the way, by what it is set to.
      if (this.context.at(made)) return;
      if (gradient) {
        this.context.recorder.given(made, gradient);
        this.context.set(made, toTensor(ort.copy(gradient.tensor)));
      } else if (node.attributes.unused === 'zeros') {
        // Nothing has needed it so far, as it is itself a gradient that the loss does not depend on.
        await this.settle([of]);
        this.context.set(made, toTensor(zerosLike(fromTensor(this.context.at(of)!))));
      } else if (node.attributes.unused === 'error') throw independent(node);
    } catch (error) {
      throw this.told(error, node);
    } finally {
      this.pending.delete(node);
    }
  }

  private async pass(handle: Value): Promise<BackwardPass> {
    const known = this.passes.get(handle);
    if (known) return known;
    const [loss, given] = handle.node!.inputs as [Value, Value | undefined];
    await this.settle(given ? [loss, given] : [loss]);
    const grads = this.context.nodes.filter((node) => node.op === 'grad' && node.inputs[0] === handle);
    const wanted = new Set(grads.map(({ inputs }) => inputs[1]!));
    // Nothing flows on from a parameter: what its gradient is set to matters to those who read it.
    const matters = ([value]: readonly [Value, Node]) => wanted.has(value) || !isParameter(value);
    const replaced = new Map([...(this.replacements.get(handle) ?? [])].filter(matters));
    const { tape, recorder, made } = this.context;
    recorder.prepare();
    for (const [value, node] of replaced) if (isOfWeightsAlone(value, tape)) throw ofWeightsAlone(node);
    const replacing = new Set<Value>();
    this.replacing.set(handle, replacing);
    const goal = {
      loss,
      seed: this.seed(handle.node!, loss, given),
      wanted,
      replaced: new Set(replaced.keys()),
      replacement: async (value: Value) => {
        const what = replaced.get(value)!.inputs[2]!;
        replacing.add(value);
        await this.settle([what]);
        replacing.delete(value);
        return { tensor: fromTensor(this.context.at(what)!), value: what };
      },
    };
    // What is recorded from here on is nothing that this loss depends on.
    const pass = new BackwardPass([...tape], goal, recorder, made);
    this.passes.set(handle, pass);
    return pass;
  }

  /** What comes in at the loss. */
  private seed(node: Node, loss: Value, given: Value | undefined): Gradient {
    const { dtype, dims, data } = this.context.at(loss)!;
    if (given) {
      const gradient = this.context.at(given)!;
      if (gradient.dims.length === dims.length && gradient.dims.every((dim, i) => dim === dims[i])) {
        return { tensor: fromTensor(gradient), value: given };
      }
      throw new TraceError(
        `The gradient that comes in has dims [${gradient.dims.join(', ')}], and the loss [${dims.join(', ')}]. They have the same shape.`,
        node.site,
      );
    }
    if (data.length === 1) return constant(fromTensor(Tensor.from([1], dtype, [...dims])));
    throw new TraceError(
      `The loss has dims [${dims.join(', ')}], and only one element has a gradient by itself. Sum it up, or say which gradient comes in: backward(loss, gradient).`,
      node.site,
    );
  }

  /** An error of the backward pass in the user's terms. */
  private told(error: unknown, node: NodeOf<'grad'>): unknown {
    if (error instanceof OrderError) return circle(node);
    if (error instanceof IndependentError) {
      return independent(this.replacements.get(node.inputs[0]!)!.get(error.value)!);
    }
    if (!(error instanceof GradientError)) return error;
    const runs = this.context.tape.filter((entry) => entry.kind === 'run');
    return noDerivative(error, node, new Set(runs.map(({ engine }) => engine.model)));
  }
}

function isParameter({ node }: Value): boolean {
  return node?.op === 'read' && (node as NodeOf<'read'>).attributes.port === 'parameter';
}

function circle(node: Node): TraceError {
  return new TraceError(
    'This is a cycle: a gradient is set to something that depends on a gradient further back, which is computed from it.',
    node.site,
  );
}

function ofWeightsAlone(node: Node): TraceError {
  return new TraceError(
    "The gradient by this tensor cannot be set: the model computes it of its weights alone, anew at each place that needs it. Set the gradient by what is computed from it, or set the tensor itself: module.output = …, whose gradient is a value's as any other.",
    node.site,
  );
}

function tooLate(node: Node): TraceError {
  return new TraceError(
    'A module is set to something that depends on a gradient of the same forward pass, but the gradient is there only when that has run. Use the gradient in a later trace of a session, or set the gradient itself: x.grad = …',
    node.site,
  );
}
