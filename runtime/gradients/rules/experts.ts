import type { Emitter } from '../emitter.ts';
import type { Application } from '../rule.ts';
import { quantizedMatrix } from './blockwise.ts';
import { type Decomposition, decomposed } from './decomposed.ts';
import { refuseInputs, where } from './scores.ts';

/** A linear layer of each expert, [experts, out, in], with a bias or ''. */
interface Layer {
  readonly weight: string;
  readonly bias: string;
}

/**
 * Experts, each a network of two layers, of which a token goes through those that a router has chosen: every token through
 * every expert, and what the others make counts nothing.
 */
export const experts: Decomposition = (emit, at) => {
  if (at.int('use_sparse_mixer', 0)) throw at.refuse('a sparse mixer has no derivative here');
  const isQuantized = at.node.opType === 'QMoE';
  refuseInputs(at, { [isQuantized ? 8 : 6]: 'a third layer' });
  const [x, layers] = [at.input(0), isQuantized ? fewBits(emit, at) : asTheyAre(at)];
  const isBatched = at.rankOf(x, emit) === 3;
  const scores = isBatched ? byPlace(emit, at.input(1), x) : emit.node('Identity', [at.input(1)]);
  const shares = isQuantized ? sharesOfScores(emit, at, scores, x) : sharesOfAll(emit, at, scores);
  const neurons = activated(emit, at, layer(emit, emit.unsqueeze(x, isBatched ? 1 : 0), layers[0]));
  const made = layer(emit, neurons, layers[1]);
  // [batch, places, experts] beside [batch, experts, places, features].
  const turned = emit.transpose(shares, isBatched ? [0, 2, 1] : [1, 0]);
  return [emit.sized(emit.sum(emit.times(made, emit.unsqueeze(turned, -1)), [isBatched ? 1 : 0], false), x)];
};

function asTheyAre(at: Application): readonly [Layer, Layer] {
  return [
    { weight: at.input(2), bias: at.input(3) },
    { weight: at.input(4), bias: at.input(5) },
  ];
}

function fewBits(emit: Emitter, at: Application): readonly [Layer, Layer] {
  const bits = at.int('expert_weight_bits', 4);
  if (bits !== 4 && bits !== 8) throw at.refuse(`weights of ${bits} bits have no derivative here`);
  if (at.string('quant_type', 'int') !== 'int')
    throw at.refuse('weights of floats in few bits have no derivative here');
  const one = (bytes: number, zeros: number): Layer => {
    const dims = emit.dims(at.input(bytes));
    if (!dims?.every((dim) => typeof dim === 'number')) throw at.refuse('the sizes of its weights are not known');
    const [count, rows, packed] = dims as number[];
    const perRow = emit.dims(at.input(bytes + 1))?.[2] ?? 1;
    const columns = (packed! * 8) / bits;
    if (typeof perRow !== 'number' || columns % perRow !== 0)
      throw at.refuse('a last block that is not whole has no derivative here');
    const weight = { bytes: at.input(bytes), scales: at.input(bytes + 1), zeros: at.input(zeros), bits };
    const matrix = quantizedMatrix(emit, weight, { count: count!, rows: rows!, columns, perRow });
    return { weight: emit.cast(matrix, emit.dtype(at.input(0))), bias: at.input(bytes + 2) };
  };
  return [one(2, 11), one(5, 12)];
}

/** A router has a row for each token, whatever batch it stands in. */
function byPlace(emit: Emitter, rows: string, x: string): string {
  return emit.node('Reshape', [rows, emit.join(emit.size(x, 0), emit.size(x, 1), emit.ints(-1))]);
}

/** What a layer of every expert makes of every token. */
function layer(emit: Emitter, x: string, { weight, bias }: Layer): string {
  const made = emit.node('MatMul', [x, emit.transpose(weight, [0, 2, 1])]);
  return bias ? emit.plus(made, emit.unsqueeze(bias, 1)) : made;
}

/** The probabilities of all experts, of which the largest count. */
function sharesOfAll(emit: Emitter, at: Application, scores: string): string {
  const probabilities = emit.node('Softmax', [scores], { axis: { int: -1 } });
  const shares = emit.masked(chosen(emit, probabilities, at.int('k', 1)), probabilities);
  if (!at.int('normalize_routing_weights', 0)) return shares;
  return emit.over(shares, emit.sum(shares, [-1]));
}

/** The experts with the largest scores count, by the softmax of these, or by weights of their own. */
function sharesOfScores(emit: Emitter, at: Application, scores: string, x: string): string {
  const isChosen = chosen(emit, scores, at.int('k', 1));
  const given = at.input(14);
  if (given === '') return emit.node('Softmax', [where(emit, isChosen, scores)], { axis: { int: -1 } });
  const weights = at.rankOf(x, emit) === 3 ? byPlace(emit, given, x) : given;
  const shares = emit.masked(isChosen, weights);
  if (!at.int('normalize_routing_weights', 0)) return shares;
  const sum = emit.sum(shares, [-1]);
  return emit.masked(emit.node('Not', [emit.compare('Equal', sum, 0)]), emit.over(shares, sum));
}

/** Where the largest numbers along the last dimension are; of equal ones the last. */
function chosen(emit: Emitter, numbers: string, count: number): string {
  const backwards = (tensor: string) =>
    emit.sized(
      emit.node('Slice', [tensor, emit.ints(-1), emit.ints(-(2 ** 31)), emit.ints(-1), emit.ints(-1)]),
      numbers,
    );
  const turned = backwards(numbers);
  const [, places] = emit.several('TopK', [turned, emit.ints(count)], 2, { axis: { int: -1 } });
  const ones = emit.shift(emit.zeros(emit.node('Shape', [places!]), emit.dtype(numbers)), 1);
  const marks = emit.node('ScatterElements', [emit.zerosLike(turned), places!, ones], { axis: { int: -1 } });
  return emit.compare('Greater', backwards(marks), 0);
}

function activated(emit: Emitter, at: Application, x: string): string {
  const type = at.string('activation_type', 'relu');
  switch (type) {
    case 'relu':
      return emit.node('Relu', [x]);
    case 'silu':
      return emit.times(x, emit.node('Sigmoid', [x]));
    case 'gelu':
      return tanhGelu(emit, x);
    case 'identity':
      return x;
    case 'swiglu':
      return swiglu(emit, at, x);
    default:
      throw at.refuse(`the activation '${type}' has no derivative here`);
  }
}

function tanhGelu(emit: Emitter, x: string): string {
  const inner = emit.plus(x, emit.scale(emit.times(x, emit.square(x)), 0.044715));
  return emit.times(emit.scale(x, 0.5), emit.shift(emit.node('Tanh', [emit.scale(inner, 0.7978845608)]), 1));
}

/** Gates and numbers stand in turns, or in two halves. */
function swiglu(emit: Emitter, at: Application, x: string): string {
  const fusion = at.int('swiglu_fusion', 0);
  if (fusion !== 1 && fusion !== 2) throw at.refuse('gates in a layer of their own have no derivative here');
  const [gates, numbers] = fusion === 2 ? emit.parts(x, 2, -1) : inTurns(emit, x);
  const limit = at.has('swiglu_limit') ? at.float('swiglu_limit', 0) : 0;
  const upTo = (tensor: string) => (limit ? emit.node('Min', [tensor, emit.number(tensor, limit)]) : tensor);
  const gate = upTo(gates!);
  const number = limit ? emit.node('Max', [upTo(numbers!), emit.number(x, -limit)]) : numbers!;
  const swish = emit.times(gate, emit.node('Sigmoid', [emit.scale(gate, at.float('activation_alpha', 1))]));
  return emit.times(swish, emit.shift(number, at.float('activation_beta', 0)));
}

function inTurns(emit: Emitter, x: string): readonly string[] {
  return [0, 1].map((first) =>
    emit.node('Slice', [x, emit.ints(first), emit.ints(2 ** 31), emit.ints(-1), emit.ints(2)]),
  );
}

/** Rules of experts. */
export const EXPERTS = { MoE: decomposed(experts), QMoE: decomposed(experts) };
