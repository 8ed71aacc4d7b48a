import { makeGraph, makeModelLike, makeNode, makeTensor, makeValueInfo } from '../onnx/make.ts';
import type { ModelProto } from '../onnx/proto.ts';
import { tensorNames } from '../onnx/rename.ts';
import { type Backward, type BackwardRequest, backward, factsOf, gradientName, seedName } from './backward.ts';
import { nextOrder } from './names.ts';
import { withGradientOperators } from './operator-sets.ts';

/** A model that has gone back before it is asked to, and what is left of its derivative then. */
export interface Ahead {
  /** The model, which also gives its gradients for a loss that is what it gives. */
  readonly model: ModelProto;
  /** Under these names. */
  readonly gradients: readonly string[];
  /** Multiplies them by the gradient that comes in. */
  readonly derivative: Backward;
}

/**
 * A model that ends in a loss of one element and goes back at once: whatever gradient comes in is one number, by which those
 * of the model's inputs are multiplied. Nothing that lies between has to be kept, or to leave the model. Null where that
 * does not do: other than its inputs' gradients are asked for, more than one seed comes in, or it may have several elements.
 */
export function goneAhead(model: ModelProto, request: BackwardRequest): Ahead | null {
  const graph = model.graph!;
  const [seed, ...others] = request.seeds;
  const inputs = new Set(graph.input.map(({ name }) => name));
  const isPlain = others.length === 0 && !request.replaced?.size && request.wanted.every((name) => inputs.has(name));
  if (seed === undefined || !isPlain) return null;
  const facts = factsOf(model, request.dims ?? new Map());
  const dims = facts.dims(seed);
  const dtype = facts.dtype(seed);
  if (!dims?.every((dim) => dim === 1) || dtype === null) return null;
  const made = new Set(graph.node.flatMap(({ output }) => output));
  const back = backward(model, { ...request, given: made });
  if (back.outputs.some((name) => facts.type(name) !== facts.type(seed))) return null;
  const own = back.model.graph!;
  const sizes = dims.map(() => 1);
  const gradients = back.outputs.map((name) => gradientName(name, back.order));
  const known = new Set(graph.initializer.map(({ name }) => name));
  const whole = makeGraph(
    'onnsight',
    [...graph.node, ...own.node],
    graph.input,
    [...graph.output, ...own.output],
    [
      ...graph.initializer,
      ...own.initializer.filter(({ name }) => !known.has(name)),
      makeTensor(seedName(seed), dtype, [1], sizes),
    ],
  );
  const ahead = makeModelLike(back.model, whole);
  return { model: ahead, gradients, derivative: scaled(ahead, seed, back, facts.type(seed)) };
}

/** What multiplies gradients by the one number that comes in. */
function scaled(ahead: ModelProto, seed: string, { outputs, order }: Backward, type: number): Backward {
  const next = nextOrder(tensorNames(ahead.graph!));
  const given = outputs.map((name) => gradientName(name, order));
  const factor = `onnsight/d${next}/factor`;
  const shape = `onnsight/d${next}/shape`;
  const graph = makeGraph(
    'onnsight',
    [
      makeNode('Reshape', [seedName(seed), shape], [factor]),
      ...outputs.map((name, i) => makeNode('Mul', [given[i]!, factor], [gradientName(name, next)])),
    ],
    [makeValueInfo(seedName(seed), type), ...given.map((name) => makeValueInfo(name, type))],
    outputs.map((name) => makeValueInfo(gradientName(name, next), type)),
    [makeTensor(shape, 'int64', [], [0])],
  );
  return {
    model: withGradientOperators(makeModelLike(ahead, graph)),
    inputs: given,
    seeds: [seed],
    outputs,
    order: next,
  };
}
