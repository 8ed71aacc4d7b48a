import { elementTypeOf, hasShape } from '../onnx/declared.ts';
import { makeGraph, makeModelLike, makeNode, makeValueInfo } from '../onnx/make.ts';
import type { ModelProto, NodeProto, TensorProto, ValueInfoProto } from '../onnx/proto.ts';
import { drawingIn } from '../onnx/randomness.ts';
import { withRankedValues } from '../onnx/ranked-values.ts';
import { tensorNames } from '../onnx/rename.ts';
import { Cotangents } from './cotangents.ts';
import { declaredDims } from './declared-dims.ts';
import { Emitter } from './emitter.ts';
import { GradientError } from './error.ts';
import { type Dims, Facts } from './facts.ts';
import { withFixedShapes } from './fixed-shapes.ts';
import { nextOrder } from './names.ts';
import { needed } from './needed.ts';
import { gradientOpset, withGradientOperators } from './operator-sets.ts';
import { sweep } from './sweep.ts';

/** A question to the derivative of a model. */
export interface BackwardRequest {
  /** The tensors of the model that the gradients of the loss are given of. */
  readonly seeds: readonly string[];
  /** The tensors whose gradients are asked for: inputs, weights, and outputs of nodes. */
  readonly wanted: readonly string[];
  /** The seeds that take the place of what flows to these tensors from their readers. */
  readonly replaced?: ReadonlySet<string>;
  /** Tensors that are handed over rather than computed again. */
  readonly given?: ReadonlySet<string>;
  /** The sizes of inputs whose declarations do not tell them. */
  readonly dims?: ReadonlyMap<string, Dims>;
}

/** The derivative of a model, as a model. */
export interface Backward {
  readonly model: ModelProto;
  /** The tensors of the forward model that it is fed, by their names. */
  readonly inputs: readonly string[];
  /** The seeds that it is fed, under the names that `seedName` gives them. */
  readonly seeds: readonly string[];
  /** Those of the tensors asked for that the loss depends on: outputs under the names that `gradientName` gives. */
  readonly outputs: readonly string[];
  /** 1 for the derivative of a model, 2 for the derivative of that. */
  readonly order: number;
}

/** The input that brings the gradient by a seed. */
export function seedName(tensor: string): string {
  return `onnsight/seed/${tensor}`;
}

/** The output that holds the gradient by a tensor. The derivative of a derivative has gradients by the same tensors. */
export function gradientName(tensor: string, order = 1): string {
  return `onnsight/d${order}/gradient/${tensor}`;
}

/**
 * Writes the derivative of a model (reverse mode): it computes again what it needs of the model, and from the gradients of
 * a loss by the seeds those by the tensors that are asked for. Seeds on which nothing that is asked for has an influence
 * are left out. Throws a GradientError where a node on the way has no derivative.
 */
export function backward(model: ModelProto, request: BackwardRequest): Backward {
  const graph = model.graph!;
  const facts = factsOf(model, request.dims ?? new Map());
  const emit = new Emitter(facts, gradientOpset(model), nextOrder(tensorNames(graph)));
  const known = new Cotangents(emit);
  for (const seed of request.seeds) {
    facts.set(seedName(seed), facts.type(seed), facts.dims(seed));
    known.add(seed, seedName(seed));
  }
  sweep(emit, graph.node, known, { wanted: new Set(request.wanted), replaced: request.replaced ?? new Set() });
  const outputs = request.wanted.filter((tensor) => known.has(tensor));
  const gradients = outputs.map((tensor) => gradientName(tensor, emit.order));
  outputs.forEach((tensor, i) => {
    emit.nodes.push(makeNode('Identity', [known.of(tensor)!], [gradients[i]!]));
    facts.set(gradients[i]!, facts.type(tensor), null);
  });
  const again = withFixedShapes(emit, graph.node);
  const all = [...again, ...emit.nodes];
  const { nodes, inputs } = needed(all, gradients, request.given ?? new Set());
  checkDraws(model, nodes, new Set(again));
  const weights = new Map([...graph.initializer, ...emit.constants].map((tensor) => [tensor.name, tensor]));
  const fed = inputs.filter((tensor) => !weights.has(tensor) || request.given?.has(tensor));
  const used = inputs.flatMap((tensor) => (fed.includes(tensor) ? [] : weights.get(tensor)!));
  const seeds = request.seeds.filter((seed) => fed.includes(seedName(seed)));
  return {
    model: assembled(
      model,
      nodes,
      fed.map((tensor) => declaration(model, emit, tensor)),
      used,
      gradients.map((tensor) => emit.declare(tensor)),
    ),
    inputs: fed.filter((tensor) => !request.seeds.some((seed) => seedName(seed) === tensor)),
    seeds,
    outputs,
    order: emit.order,
  };
}

/** The facts about a model, as far as its nodes and the sizes of its inputs tell. */
export function factsOf({ graph }: ModelProto, dims: ReadonlyMap<string, Dims>): Facts {
  const facts = new Facts();
  for (const input of graph!.input) {
    const given = dims.get(input.name);
    facts.setInput(input.name, elementTypeOf(input), given ?? declaredDims(input, facts));
  }
  facts.learnGraph(graph!);
  return facts;
}

/** A node that draws random numbers would draw others when it is computed again. */
function checkDraws({ graph, functions }: ModelProto, nodes: readonly NodeProto[], own: ReadonlySet<NodeProto>): void {
  const draws = drawingIn(graph!, functions);
  const drawing = nodes.find((node) => own.has(node) && draws(node));
  if (drawing) throw new GradientError(drawing, 'what it draws would have to be drawn again, and come out differently');
}

/** As the model declares it; what that leaves open is declared as this run has it, which ONNX Runtime's inference needs. */
function declaration({ graph }: ModelProto, emit: Emitter, tensor: string): ValueInfoProto {
  const own = graph!.input.find(({ name }) => name === tensor);
  if (own && hasShape(own)) return own;
  const dims = own && emit.facts.dims(tensor);
  if (!dims) return own ?? emit.declare(tensor);
  const known = dims.map((dim) => (typeof dim === 'number' ? dim : null));
  return makeValueInfo(tensor, elementTypeOf(own), known);
}

function assembled(
  model: ModelProto,
  nodes: readonly NodeProto[],
  inputs: readonly ValueInfoProto[],
  weights: readonly TensorProto[],
  outputs: readonly ValueInfoProto[],
): ModelProto {
  const graph = makeGraph('onnsight', withRankedValues(nodes), inputs, outputs, weights);
  return withGradientOperators(makeModelLike(model, graph));
}
