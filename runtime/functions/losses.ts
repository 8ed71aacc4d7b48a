import { isFloatDType } from '../tensor/storage.ts';
import type { CrossEntropyOptions, KlDivOptions, LossOptions } from '../types/options.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import { add, mul, ne, sub, where } from './arithmetic.ts';
import { gather, indexSelect } from './indexing.ts';
import { dtypeOf, fail, knownShape, node, operand, sizesOf } from './nodes.ts';
import { logSoftmax } from './normalization.ts';
import { optionsOf } from './options.ts';
import { neg, square } from './pointwise.ts';
import { allInWide, cast, fractions, like, pair } from './promotion.ts';
import { mean, sum } from './reductions.ts';
import { flatten, reshape, squeeze, unsqueeze } from './shaping.ts';
import { withSignature } from './with-signature.ts';

/**
 * The cross entropy of logits [N, C], [C] or [N, C, d1, …] and targets: class indices of the same shape without C, or
 * probabilities of the same shape.
 */
export const crossEntropy = withSignature(
  'crossEntropy',
  (input: Operand, target: Operand, given?: CrossEntropyOptions): Traced => {
    const options = optionsOf<CrossEntropyOptions>('crossEntropy', given, [...CLASSES, 'labelSmoothing']);
    const labels = operand(target);
    return allInWide([operand(input)], (logits) => classLoss(logits!, labels, options));
  },
);

function classLoss(logits: Traced, labels: Traced, options: CrossEntropyOptions): Traced {
  const classDim = knownShape(logits, 'crossEntropy').length === 1 ? 0 : 1;
  const { labelSmoothing = 0 } = options;
  const logProbabilities = logSoftmax(logits, classDim);
  if (isFloatDType(dtypeOf(labels))) return probabilityLoss(logProbabilities, labels, classDim, options);
  const hard = likelihoodLoss(logProbabilities, labels, options);
  if (labelSmoothing === 0) return hard;
  const smooth = smoothLoss(logProbabilities, labels, classDim, options);
  return add(mul(hard, 1 - labelSmoothing), mul(smooth, labelSmoothing));
}

/** The negative log likelihood: of log probabilities [N, C], [C] or [N, C, d1, …], those of the target classes. */
export const nllLoss = withSignature('nllLoss', (input: Operand, target: Operand, given?: ClassOptions): Traced => {
  const options = optionsOf<ClassOptions>('nllLoss', given, CLASSES);
  return allInWide([fractions('nllLoss', input)], (logProbabilities) =>
    likelihoodLoss(logProbabilities!, target, options),
  );
});

type ClassOptions = Omit<CrossEntropyOptions, 'labelSmoothing'>;
const CLASSES = ['weight', 'ignoreIndex', 'reduction'] as const;

function likelihoodLoss(logProbabilities: Traced, target: Operand, options: ClassOptions): Traced {
  const labels = cast(operand(target), 'int64');
  const classDim = expectClasses(logProbabilities, labels);
  const counts = countedLabels(labels, options);
  const picked = squeeze(gather(logProbabilities, classDim, unsqueeze(counts.safe, classDim)), classDim);
  return reduced(picked, counts, options, dtypeOf(logProbabilities));
}

/** The squared differences. */
export const mseLoss = withSignature('mseLoss', (input: Operand, target: Operand, given?: LossOptions): Traced => {
  const options = optionsOf<LossOptions>('mseLoss', given, ['reduction']);
  const both = pair(input, target);
  // One side may be of whole numbers, not both.
  if (!both.some((one) => isFloatDType(dtypeOf(one)))) fractions('mseLoss', both[0]);
  return allInWide(both, (found, wanted) => summedUp(square(node('sub', [found!, wanted!])), options));
});

function summedUp(losses: Traced, { reduction }: LossOptions): Traced {
  if (reduction === 'none') return losses;
  return reduction === 'sum' ? sum(losses) : mean(losses);
}

interface Counts {
  /** The labels, class 0 in place of those that do not count. */
  readonly safe: Traced;
  /** Whether a label counts. */
  readonly valid: Traced;
  readonly weights: Traced | null;
}

function countedLabels(labels: Traced, options: CrossEntropyOptions): Counts {
  const valid = ne(labels, options.ignoreIndex ?? -100);
  const safe = where(valid, labels, 0);
  const { weight } = options;
  if (weight === undefined) return { safe, valid, weights: null };
  return { safe, valid, weights: reshape(indexSelect(weight, 0, flatten(safe)), sizesOf(safe, 'crossEntropy')) };
}

/** Losses of those that count, weighted; the mean is over the weights, as in PyTorch. */
function reduced(logs: Traced, counts: Counts, options: LossOptions, dtype: ReturnType<typeof dtypeOf>): Traced {
  const weights = cast(counts.valid, dtype);
  const weighted = counts.weights === null ? weights : mul(weights, cast(counts.weights, dtype));
  const losses = where(counts.valid, neg(mul(logs, weighted)), 0);
  if (options.reduction === 'none') return losses;
  return options.reduction === 'sum' ? sum(losses) : node('div', [sum(losses), sum(weighted)]);
}

/** The loss against all classes alike, which label smoothing mixes in. */
function smoothLoss(logs: Traced, labels: Traced, classDim: number, options: CrossEntropyOptions): Traced {
  const dtype = dtypeOf(logs);
  const counts = countedLabels(cast(labels, 'int64'), options);
  const classes =
    knownShape(logs, 'crossEntropy')[classDim] ?? fail('crossEntropy: the number of classes must be known');
  const spread = options.weight === undefined ? logs : mul(logs, classWeights(options.weight, logs, classDim));
  const losses = where(counts.valid, neg(mul(sum(spread, classDim), 1 / classes)), 0);
  if (options.reduction === 'none') return losses;
  if (options.reduction === 'sum') return sum(losses);
  const weights = cast(counts.valid, dtype);
  return node('div', [sum(losses), sum(counts.weights === null ? weights : mul(weights, cast(counts.weights, dtype)))]);
}

function probabilityLoss(logs: Traced, target: Traced, classDim: number, options: CrossEntropyOptions): Traced {
  const { labelSmoothing = 0, weight } = options;
  const shape = knownShape(logs, 'crossEntropy');
  const classes = shape[classDim] ?? fail('crossEntropy: the number of classes must be known');
  const smoothed = labelSmoothing === 0 ? target : add(mul(target, 1 - labelSmoothing), labelSmoothing / classes);
  const weighted = weight === undefined ? smoothed : mul(smoothed, classWeights(weight, logs, classDim));
  const losses = neg(sum(mul(logs, weighted), classDim));
  if (options.reduction === 'none') return losses;
  // The mean is over the samples, whatever their weights.
  return options.reduction === 'sum' ? sum(losses) : mean(losses);
}

/** One weight per class, in a shape that broadcasts over the other dimensions. */
function classWeights(weight: Operand, logs: Traced, classDim: number): Traced {
  const shape = knownShape(logs, 'crossEntropy').map((_, dim) => (dim === classDim ? -1 : 1));
  return reshape(like(weight, dtypeOf(logs)), shape);
}

function expectClasses(logs: Traced, labels: Traced): number {
  const shape = knownShape(logs, 'nllLoss');
  const classDim = shape.length === 1 ? 0 : 1;
  const expected = shape.filter((_, dim) => dim !== classDim);
  const given = knownShape(labels, 'nllLoss');
  if (
    given.length !== expected.length ||
    given.some((size, i) => size !== null && expected[i] !== null && size !== expected[i])
  ) {
    fail(`Expected target size [${expected.join(', ')}], got [${given.join(', ')}]`);
  }
  return classDim;
}

/** The distance of two distributions given as log probabilities and probabilities: `target * (log(target) - input)`. */
export const klDiv = withSignature('klDiv', (input: Operand, target: Operand, given?: KlDivOptions): Traced => {
  const options = optionsOf<KlDivOptions>('klDiv', given, ['reduction', 'logTarget']);
  return allInWide(
    pair(input, target).map((one) => fractions('klDiv', one)),
    (logs, wanted) => summedUp(divergence(logs!, wanted!, options), options),
  );
});

function divergence(logs: Traced, wanted: Traced, { logTarget }: KlDivOptions): Traced {
  if (logTarget) return node('mul', [node('exp', [wanted]), sub(wanted, logs)]);
  // 0 * log(0) is 0.
  const entropy = where(ne(wanted, 0), node('mul', [wanted, node('log', [wanted])]), like(0, dtypeOf(wanted)));
  return sub(entropy, node('mul', [wanted, logs]));
}
