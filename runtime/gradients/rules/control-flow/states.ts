import { capturesOf } from '../../../onnx/captures.ts';
import { isFloat } from '../../../onnx/dtypes.ts';
import type { NodeProto } from '../../../onnx/proto.ts';
import { drawingIn } from '../../../onnx/randomness.ts';
import { subgraphsOf } from '../../../onnx/subgraphs.ts';
import { dependents } from '../../activity.ts';
import type { Cotangents } from '../../cotangents.ts';
import type { Emitter } from '../../emitter.ts';
import type { Application } from '../../rule.ts';
import type { Subgraph } from '../../subgraph.ts';

/** The tensors that the subgraphs of a node capture and whose gradients are needed. */
export function neededCaptures({ node }: Application, active: ReadonlySet<string>): string[] {
  return [...new Set(subgraphsOf(node).flatMap(capturesOf))].filter((tensor) => active.has(tensor));
}

/** A subgraph is computed again, and its random nodes would draw other numbers. */
export function refuseDraws(at: Application): void {
  for (const graph of subgraphsOf(at.node)) {
    if (graph.node.some(drawingIn(graph, []))) {
      throw at.refuse('what it draws would have to be drawn again, and come out differently');
    }
  }
}

/**
 * Which states of a loop have a gradient that matters: those whose first value is needed, and those that come to depend on
 * one of them, or on something else that is needed, in some iteration.
 */
export function movingStates(
  emit: Emitter,
  nodes: readonly NodeProto[],
  starts: readonly string[],
  ends: readonly string[],
  needed: Iterable<string>,
): ReadonlySet<string> {
  const moving = new Set(needed);
  for (let count = -1; count < moving.size; ) {
    count = moving.size;
    const active = dependents(nodes, moving, emit.facts);
    starts.forEach((start, i) => {
      if (isFloat(emit.facts.type(start)) && active.has(ends[i]!)) moving.add(start);
    });
  }
  return new Set(starts.filter((start) => moving.has(start)));
}

/** Makes the gradient by a tensor an output of a subgraph, zeros if nothing depends on it. */
export function outputGradient(graph: Subgraph, known: Cotangents, tensor: string): void {
  const { emit } = graph;
  graph.output(emit.sized(known.of(tensor) ?? emit.zerosLike(tensor), tensor));
}

/** Declares that gradients have the sizes of their tensors, and pairs them. */
export function paired(emit: Emitter, tensors: readonly string[], gradients: readonly string[]): [string, string][] {
  return tensors.map((tensor, i) => [tensor, emit.sized(gradients[i]!, tensor)]);
}

/**
 * The gradients by the tensors that a body captures add up as further states. Those of which not even the number of
 * dimensions is known are lists meanwhile, as a Scan wants to know that.
 */
export class Accumulators {
  private readonly captured: readonly string[];

  constructor(captured: readonly string[]) {
    this.captured = captured;
  }

  /** Zeros, before the first iteration. */
  first(emit: Emitter): readonly string[] {
    return this.captured.map((tensor) => listed(emit, emit.zerosLike(tensor), tensor));
  }

  /** Adds the gradients of an iteration. */
  add(graph: Subgraph, known: Cotangents): void {
    const { emit } = graph;
    for (const tensor of this.captured) {
      const sum = graph.input(emit.facts.type(tensor), emit.dims(tensor) ?? [emit.facts.symbol()]);
      const own = known.of(tensor);
      graph.output(own ? emit.sized(emit.plus(sum, listed(emit, own, tensor)), sum) : sum);
    }
  }

  /** The gradients, from the last states. */
  last(emit: Emitter, states: readonly string[]): [string, string][] {
    const whole = states.map((state, i) => {
      const tensor = this.captured[i]!;
      return emit.rank(tensor) === null ? emit.reshapeLike(state, tensor) : state;
    });
    return paired(emit, this.captured, whole);
  }
}

function listed(emit: Emitter, gradient: string, tensor: string): string {
  return emit.rank(tensor) === null ? emit.flow(gradient, -1) : gradient;
}
