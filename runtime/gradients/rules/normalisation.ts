import type { Emitter } from '../emitter.ts';
import type { Application, Rule, Rules } from '../rule.ts';
import { unbroadcast } from '../unbroadcast.ts';
import { unary } from './elementwise.ts';
import { localResponse } from './local-response.ts';

/** The axes over which a normalisation takes its statistics. */
interface Norm {
  readonly axes: readonly number[];
  readonly epsilon: number;
  /** Whether the mean is taken off first. */
  readonly isCentred: boolean;
}

/** A tensor over its standard deviation (or its root mean square), and the reciprocal of that. */
function normalised(emit: Emitter, x: string, { axes, epsilon, isCentred }: Norm): { normal: string; scale: string } {
  const centred = isCentred ? emit.minus(x, emit.mean(x, axes)) : x;
  const variance = emit.shift(emit.mean(emit.square(centred), axes), epsilon);
  const scale = emit.node('Reciprocal', [emit.node('Sqrt', [variance])]);
  return { normal: emit.sized(emit.times(centred, scale), x), scale };
}

/** The gradient by the input of a normalisation, from that by its normalised output. */
function throughNorm(emit: Emitter, x: string, gradient: string, norm: Norm): string {
  const { normal, scale } = normalised(emit, x, norm);
  const along = emit.times(normal, emit.mean(emit.times(gradient, normal), norm.axes));
  const across = emit.minus(gradient, along);
  const left = norm.isCentred ? emit.minus(across, emit.mean(gradient, norm.axes)) : across;
  return emit.sized(emit.times(left, scale), x);
}

const layerNorm =
  (isCentred: boolean): Rule =>
  (emit, at) => {
    if (at.gradients.slice(1).some(Boolean)) throw at.refuse('the gradient arrives at its statistics');
    const [x, scale] = at.inputs as [string, string];
    const axis = at.int('axis', -1);
    const count = axis < 0 ? -axis : at.rankOf(x, emit) - axis;
    const axes = Array.from({ length: count }, (_, i) => i - count);
    const norm = { axes, epsilon: at.float('epsilon', 1e-5), isCentred };
    const by = [
      () => throughNorm(emit, x, emit.sized(emit.times(at.gradient, scale), x), norm),
      () => unbroadcast(emit, emit.times(at.gradient, normalised(emit, x, norm).normal), scale, x),
      () => unbroadcast(emit, at.gradient, at.input(2), x),
    ];
    return at.each((input, i) => emit.sized(by[i]!(), input));
  };

/** All that stands behind the channels together: [batch, channels, places]. */
function perChannel(emit: Emitter, tensor: string): string {
  return emit.flow(tensor, 0, 0, -1);
}

/** @param groups how many groups the channels form; 0 where each is one */
function groupNorm(emit: Emitter, at: Application, groups: number, isScaledByGroup: boolean): (string | null)[] {
  const [x, scale] = at.inputs as [string, string];
  const norm = { axes: [2], epsilon: at.float('epsilon', 1e-5), isCentred: true };
  const byGroup = (tensor: string) => emit.flow(tensor, 0, groups, -1);
  const byScale = isScaledByGroup ? byGroup : (tensor: string) => perChannel(emit, tensor);
  const gradient = byScale(at.gradient);
  const by = [
    () => {
      const scaled = emit.reshapeLike(emit.times(gradient, emit.unsqueeze(scale, 1)), x);
      return emit.reshapeLike(throughNorm(emit, byGroup(x), byGroup(scaled), norm), x);
    },
    () => {
      const { normal } = normalised(emit, byGroup(x), norm);
      return emit.sum(emit.times(gradient, byScale(emit.reshapeLike(normal, x))), [0, 2], false);
    },
    () => emit.sum(gradient, [0, 2], false),
  ];
  return at.each((input, i) => emit.sized(by[i]!(), input));
}

/** In inference: an affine map of each channel. */
const batchNorm: Rule = (emit, at) => {
  if (at.int('training_mode', 0))
    throw at.refuse('it is in training mode, in which all rows of a batch depend on each other');
  const [x, scale, , mean, variance] = at.inputs as [string, string, string, string, string];
  const inverse = emit.node('Reciprocal', [emit.node('Sqrt', [emit.shift(variance, at.float('epsilon', 1e-5))])]);
  const gradient = perChannel(emit, at.gradient);
  const total = (tensor: string) => emit.sum(tensor, [0, 2], false);
  const slope = emit.times(scale, inverse);
  const normal = () => {
    const centred = emit.minus(perChannel(emit, x), emit.unsqueeze(mean, 1));
    return emit.times(centred, emit.unsqueeze(inverse, 1));
  };
  const byScale = () => total(emit.times(gradient, normal()));
  const by = [
    () => emit.reshapeLike(emit.times(gradient, emit.unsqueeze(slope, 1)), x),
    byScale,
    () => total(gradient),
    () => emit.neg(emit.times(total(gradient), slope)),
    () => emit.scale(emit.times(byScale(), emit.times(slope, inverse)), -0.5),
  ];
  return at.each((input, i) => emit.sized(by[i]!(), input));
};

/** A vector of zeros stays one: its gradient is 0. */
const lpNorm = unary((emit, x, y, g, at) => {
  const axes = [at.int('axis', -1)];
  const isEuclidean = at.int('p', 2) === 2;
  const norm = emit.reduce(isEuclidean ? 'ReduceL2' : 'ReduceL1', x, axes);
  const direction = isEuclidean ? y : emit.node('Sign', [x]);
  const across = emit.minus(g, emit.times(direction, emit.sum(emit.times(g, y), axes)));
  return emit.where(emit.compare('Equal', norm, 0), emit.number(x, 0), emit.over(across, norm));
});

/** Rules of operators that relate elements to all others along some axes. */
export const NORMALISATION: Rules = {
  Softmax: unary((emit, _, y, g, at) => {
    const weighted = emit.times(g, y);
    return emit.minus(weighted, emit.times(y, emit.sum(weighted, [at.int('axis', -1)])));
  }),
  LogSoftmax: unary((emit, _, y, g, at) =>
    emit.minus(g, emit.times(emit.node('Exp', [y]), emit.sum(g, [at.int('axis', -1)]))),
  ),
  LayerNormalization: layerNorm(true),
  SimplifiedLayerNormalization: layerNorm(false),
  RMSNormalization: layerNorm(false),
  InstanceNormalization: (emit, at) => groupNorm(emit, at, 0, false),
  // Before version 21 a group has one scale.
  GroupNormalization: (emit, at) => groupNorm(emit, at, at.int('num_groups', 1), emit.opset < 21),
  BatchNormalization: batchNorm,
  LpNormalization: lpNorm,
  LRN: localResponse,
  MeanVarianceNormalization: unary((emit, x, _, g, at) =>
    throughNorm(emit, x, g, { axes: at.ints('axes') ?? [0, 2, 3], epsilon: 1e-9, isCentred: true }),
  ),
};
