import { floatsAttribute } from '../../onnx/attributes.ts';

import { CONTRIB } from '../../onnx/domains.ts';
import type { Emitter } from '../emitter.ts';
import type { Application, Rule, Rules } from '../rule.ts';
import { unbroadcast } from '../unbroadcast.ts';
import { geluGradient, swishGradient, tanhGeluGradient } from './activations.ts';
import { decomposed } from './decomposed.ts';
import { unary } from './elementwise.ts';
import { byMatrix, product } from './products.ts';

/** A function of a tensor and a bias that is added to it, or that is left out. */
function biased(slope: (emit: Emitter, x: string, gradient: string) => string): Rule {
  return (emit, at) => {
    const [x, bias] = [at.input(0), at.input(1)];
    const gradient = slope(emit, bias ? emit.plus(x, bias) : x, at.gradient);
    return at.each((input) => unbroadcast(emit, gradient, input, x));
  };
}

function sum(emit: Emitter, tensors: readonly string[]): string {
  return tensors.filter((tensor) => tensor !== '').reduce((a, b) => emit.plus(a, b));
}

const biasSplitGelu = decomposed((emit, at) => {
  const [left, right] = emit.parts(sum(emit, at.inputs), 2, -1) as [string, string];
  return [emit.times(left, emit.node('Gelu', [right], {}, CONTRIB))];
});

const matmul: Rule = (emit, at, sweep) => {
  const [a, b] = at.inputs as [string, string];
  const isOne = (tensor: string) => emit.rank(tensor) === 1;
  if (at.int('transBatchA', 0) || at.int('transBatchB', 0) || isOne(a) || isOne(b)) return plainMatmul(emit, at, sweep);
  const [transA, transB] = [at.int('transA', 0) === 1, at.int('transB', 0) === 1];
  const gradient = emit.scale(at.gradient, at.float('alpha', 1));
  if (emit.rank(b) === 2 && !transA) return byMatrix(emit, at, gradient, transB);
  const by = [
    () => (transA ? product(emit, b, gradient, transB, true) : product(emit, gradient, b, false, !transB)),
    () => (transB ? product(emit, gradient, a, true, transA) : product(emit, a, gradient, !transA, false)),
  ];
  return at.each((input, i) => {
    const own = by[i]!();
    return unbroadcast(emit, own, input, own);
  });
};

/** The same with the operands brought into the order in which MatMul reads them. */
const plainMatmul = decomposed((emit, at) => {
  const [a, b] = at.inputs as [string, string];
  const inOrder = (tensor: string, side: 'A' | 'B') => {
    const rank = at.rankOf(tensor, emit);
    // Of the matrices, the first dimension is the rows' or columns', and those of the batch follow.
    if (rank < 2 || !at.int(`transBatch${side}`, 0)) return tensor;
    return emit.transpose(tensor, [...Array.from({ length: rank - 2 }, (_, i) => i + 1), 0, rank - 1]);
  };
  const transposes = (tensor: string, side: 'A' | 'B') => emit.rank(tensor) !== 1 && at.int(`trans${side}`, 0) === 1;
  const made = product(emit, inOrder(a, 'A'), inOrder(b, 'B'), transposes(a, 'A'), transposes(b, 'B'));
  return [emit.scale(made, at.float('alpha', 1))];
});

/** The node without the activation at its end. */
function inner(emit: Emitter, at: Application, op: string, inputs: readonly string[]): string {
  const attribute = at.node.attribute.filter(({ name }) => !name.startsWith('activation'));
  return emit.like({ ...at.node, domain: '', opType: op, attribute }, inputs)[0]!;
}

/** The activation function that is fused into a node, with its parameters. */
function activated(emit: Emitter, at: Application, tensor: string, parameters: readonly (number | null)[]): string {
  const op = at.string('activation', '');
  if (op === '') return tensor;
  const [alpha = null, beta = null] = parameters;
  if (op === 'Clip') return emit.node(op, [tensor, emit.number(tensor, alpha!), emit.number(tensor, beta!)]);
  return emit.node(op, [tensor], {
    ...(alpha !== null && { alpha: { float: alpha } }),
    ...(beta !== null && { beta: { float: beta } }),
  });
}

const gemm = decomposed((emit, at) => {
  const parameters = ['activation_alpha', 'activation_beta'].map((name) => (at.has(name) ? at.float(name, 0) : null));
  return [activated(emit, at, inner(emit, at, 'Gemm', at.inputs), parameters)];
});

const convolution = decomposed((emit, at) => {
  const made = inner(emit, at, 'Conv', at.inputs.slice(0, 3));
  return [activated(emit, at, sum(emit, [made, at.input(3)]), floatsAttribute(at.node, 'activation_params') ?? [])];
});

/** A sum of inputs, and its normalisation. */
function skipNorm(
  op: 'LayerNormalization' | 'SimplifiedLayerNormalization',
  skips: (at: Application) => string[],
): Rule {
  return decomposed((emit, at) => {
    const total = sum(emit, skips(at));
    const weights = op === 'LayerNormalization' ? [at.input(2), at.input(3)] : [at.input(2)];
    return [normalised(emit, at, op, total, weights), '', '', total];
  });
}

function normalised(emit: Emitter, at: Application, op: string, tensor: string, weights: readonly string[]): string {
  const given = weights.filter((weight) => weight !== '');
  return emit.node(op, [tensor, ...given], { axis: { int: -1 }, epsilon: { float: at.float('epsilon', 1e-12) } });
}

/** The sum of the embeddings of tokens, places and segments, and its normalisation. */
const embedding = decomposed((emit, at) => {
  const [ids, segments, words, places, kinds] = at.inputs as [string, string, string, string, string];
  const positions = at.input(8);
  const place = positions
    ? emit.node('Gather', [places, positions])
    : emit.node('Slice', [places, emit.ints(0), emit.size(ids, 1), emit.ints(0)]);
  const kind = segments && kinds ? emit.node('Gather', [kinds, segments]) : '';
  const total = sum(emit, [emit.node('Gather', [words, ids]), place, kind]);
  return [normalised(emit, at, 'LayerNormalization', total, [at.input(5), at.input(6)]), '', total];
});

/** Rules of ONNX Runtime's own operators, each of which stands for several others. */
export const FUSED: Rules = {
  Gelu: unary((emit, x, _, g) => geluGradient(emit, x, g)),
  BiasGelu: biased(geluGradient),
  FastGelu: biased(tanhGeluGradient),
  QuickGelu: unary((emit, x, _, g, at) => swishGradient(emit, x, g, at.float('alpha', 1.702))),
  BiasAdd: decomposed((emit, at) => [sum(emit, at.inputs)]),
  BiasSplitGelu: biasSplitGelu,
  FusedMatMul: matmul,
  FusedGemm: gemm,
  FusedConv: convolution,
  SkipLayerNormalization: skipNorm('LayerNormalization', (at) => [at.input(0), at.input(1), at.input(4)]),
  SkipSimplifiedLayerNormalization: skipNorm('SimplifiedLayerNormalization', (at) => [
    at.input(0),
    at.input(1),
    at.input(3),
  ]),
  EmbedLayerNormalization: embedding,
};
