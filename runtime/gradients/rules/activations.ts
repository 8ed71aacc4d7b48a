import type { Emitter } from '../emitter.ts';
import type { Rule, Rules } from '../rule.ts';
import { unbroadcast } from '../unbroadcast.ts';
import { unary } from './elementwise.ts';

/** g where x is above a bound, another gradient elsewhere. */
function above(emit: Emitter, x: string, bound: number, g: string, otherwise: string): string {
  return emit.where(emit.compare('Greater', x, bound), g, otherwise);
}

/** The derivative of x·Φ(x), by the error function. */
export function geluGradient(emit: Emitter, x: string, g: string): string {
  const cdf = emit.scale(emit.shift(emit.node('Erf', [emit.scale(x, Math.SQRT1_2)]), 1), 0.5);
  const density = emit.scale(emit.node('Exp', [emit.scale(emit.square(x), -0.5)]), 1 / Math.sqrt(2 * Math.PI));
  return emit.times(g, emit.plus(cdf, emit.times(x, density)));
}

/** The derivative of its approximation by the hyperbolic tangent. */
export function tanhGeluGradient(emit: Emitter, x: string, g: string): string {
  const [k, c] = [Math.sqrt(2 / Math.PI), 0.044715];
  const square = emit.square(x);
  const tanh = emit.node('Tanh', [emit.times(emit.scale(x, k), emit.shift(emit.scale(square, c), 1))]);
  const left = emit.scale(emit.shift(tanh, 1), 0.5);
  const slope = emit.scale(emit.times(x, emit.shift(emit.neg(emit.square(tanh)), 1)), 0.5 * k);
  return emit.times(g, emit.plus(left, emit.times(slope, emit.shift(emit.scale(square, 3 * c), 1))));
}

/** The derivative of x·σ(αx). */
export function swishGradient(emit: Emitter, x: string, g: string, alpha: number): string {
  const sigmoid = emit.node('Sigmoid', [emit.scale(x, alpha)]);
  const slope = emit.times(x, emit.times(sigmoid, emit.shift(emit.neg(sigmoid), 1)));
  return emit.times(g, emit.plus(sigmoid, emit.scale(slope, alpha)));
}

/** tanh(softplus(x)) and x times its derivative. */
function mishGradient(emit: Emitter, x: string, g: string): string {
  const tanh = emit.node('Tanh', [emit.node('Softplus', [x])]);
  const slope = emit.times(emit.node('Sigmoid', [x]), emit.shift(emit.neg(emit.square(tanh)), 1));
  return emit.times(g, emit.plus(tanh, emit.times(x, slope)));
}

const prelu: Rule = (emit, at) => {
  const [x, slope] = at.inputs as [string, string];
  const isPositive = emit.compare('Greater', x, 0);
  return at.each((input, i) => {
    const own =
      i === 0
        ? emit.where(isPositive, at.gradient, emit.times(at.gradient, slope))
        : emit.where(isPositive, emit.number(x, 0), emit.times(at.gradient, x));
    return unbroadcast(emit, own, input, at.outputs[0]!);
  });
};

/** In inference it hands its input on. */
const dropout: Rule = (emit, at) => {
  const training = at.input(2);
  if (training && emit.facts.numbers(training)?.[0] !== 0) throw at.refuse('it may be in training mode');
  return [at.gradient];
};

const [SELU_ALPHA, SELU_GAMMA] = [1.6732632423543772, 1.0507009873554805];

/** Rules of activation functions, with PyTorch's conventions at their kinks. */
export const ACTIVATIONS: Rules = {
  // 0 at 0.
  Relu: unary((emit, _, y, g) => emit.masked(emit.compare('Greater', y, 0), g)),
  LeakyRelu: unary((emit, x, _, g, at) => above(emit, x, 0, g, emit.scale(g, at.float('alpha', 0.01)))),
  PRelu: prelu,
  ThresholdedRelu: unary((emit, x, _, g, at) => emit.masked(emit.compare('Greater', x, at.float('alpha', 1)), g)),
  Elu: unary((emit, x, y, g, at) => above(emit, x, 0, g, emit.times(g, emit.shift(y, at.float('alpha', 1))))),
  Celu: unary((emit, x, _, g, at) =>
    above(emit, x, 0, g, emit.times(g, emit.node('Exp', [emit.scale(x, 1 / at.float('alpha', 1))]))),
  ),
  Selu: unary((emit, x, y, g, at) => {
    const gamma = at.float('gamma', SELU_GAMMA);
    const low = emit.times(g, emit.shift(y, gamma * at.float('alpha', SELU_ALPHA)));
    return above(emit, x, 0, emit.scale(g, gamma), low);
  }),
  HardSigmoid: unary((emit, _, y, g, at) => {
    const isInside = emit.node('And', [emit.compare('Greater', y, 0), emit.compare('Less', y, 1)]);
    return emit.masked(isInside, emit.scale(g, at.float('alpha', 0.2)));
  }),
  HardSwish: unary((emit, x, _, g) => {
    const middle = emit.times(g, emit.shift(emit.scale(x, 1 / 3), 0.5));
    return above(emit, x, 3, g, emit.masked(emit.compare('Greater', x, -3), middle));
  }),
  Softplus: unary((emit, x, _, g) => emit.times(g, emit.node('Sigmoid', [x]))),
  Softsign: unary((emit, x, _, g) => emit.over(g, emit.square(emit.shift(emit.node('Abs', [x]), 1)))),
  Gelu: unary((emit, x, _, g, at) =>
    at.string('approximate', 'none') === 'tanh' ? tanhGeluGradient(emit, x, g) : geluGradient(emit, x, g),
  ),
  Swish: unary((emit, x, _, g, at) => swishGradient(emit, x, g, at.float('alpha', 1))),
  Mish: unary((emit, x, _, g) => mishGradient(emit, x, g)),
  Dropout: dropout,
};
