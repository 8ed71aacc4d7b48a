import type { CovarianceOptions } from '../types/options.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import { div, maximum, sub } from './arithmetic.ts';
import { matmul } from './linear.ts';
import { dtypeOf, fail, knownShape, node, operand } from './nodes.ts';
import { isOptions, optionsOf } from './options.ts';
import { cast, toFloat } from './promotion.ts';
import { mean } from './reductions.ts';
import { reshape, squeeze, t } from './shaping.ts';
import { withSignature } from './with-signature.ts';

/**
 * The covariance matrix of variables that stand in rows, with an observation in each column: [n, m] gives [n, n], a vector
 * its variance. `correction` is taken off the number of observations: 1 unless given.
 */
export const cov = withSignature('cov', (input: Operand, options?: CovarianceOptions): Traced => {
  if (options !== undefined && !isOptions(options)) {
    fail('cov: the correction is given by its name, as in PyTorch: { correction: 0 }');
  }
  const { correction = 1 } = optionsOf<CovarianceOptions>('cov', options, ['correction']);
  if (dtypeOf(operand(input)) === 'bool') fail('cov(): bool dtype is not supported for input');
  const x = toFloat(input);
  const shape = knownShape(x, 'cov');
  if (shape.length > 2) {
    fail(`cov(): expected input to have two or fewer dimensions but got an input with ${shape.length} dimensions`);
  }
  const rows = shape.length === 2 ? x : reshape(x, [1, -1]);
  const centred = sub(rows, mean(rows, 1, true));
  const observations = sub(cast(node('numel', [rows], { dims: [1] }), dtypeOf(x)), correction);
  // As in PyTorch, too few observations give nan or inf, and no negative variance.
  const found = div(matmul(centred, t(centred)), maximum(observations, 0));
  return squeeze(found);
});
