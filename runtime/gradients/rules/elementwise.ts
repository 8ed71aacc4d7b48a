import type { Emitter } from '../emitter.ts';
import type { Application, Rule, Rules } from '../rule.ts';
import { unbroadcast } from '../unbroadcast.ts';

/** A rule of a function of one tensor: the gradient by its input, from that by its output. */
type Unary = (emit: Emitter, x: string, y: string, gradient: string, at: Application) => string;

/** A rule for an operator with one input that matters. */
export function unary(write: Unary): Rule {
  return (emit, at) => [emit.sized(write(emit, at.input(0), at.outputs[0]!, at.gradient, at), at.input(0))];
}

const sum: Rule = (emit, at) => at.each((input) => unbroadcast(emit, at.gradient, input, at.outputs[0]!));

const subtract: Rule = (emit, at) =>
  at.each((input, i) => unbroadcast(emit, i === 0 ? at.gradient : emit.neg(at.gradient), input, at.outputs[0]!));

const multiply: Rule = (emit, at) => {
  const [a, b] = at.inputs;
  // One term for a square.
  if (a === b) return [emit.sized(emit.times(at.gradient, emit.scale(a!, 2)), a!), null];
  return at.each((input, i) => unbroadcast(emit, emit.times(at.gradient, i === 0 ? b! : a!), input, at.outputs[0]!));
};

const divide: Rule = (emit, at) => {
  const quotient = emit.over(at.gradient, at.input(1));
  return at.each((input, i) =>
    unbroadcast(emit, i === 0 ? quotient : emit.neg(emit.times(quotient, at.outputs[0]!)), input, at.outputs[0]!),
  );
};

/** The remainder of C: a whole number of divisors is taken off. */
const remainder: Rule = (emit, at) => {
  const [a, b] = at.inputs;
  return at.each((input, i) => {
    const times = () => emit.over(emit.minus(a!, at.outputs[0]!), b!);
    return unbroadcast(emit, i === 0 ? at.gradient : emit.neg(emit.times(at.gradient, times())), input, at.outputs[0]!);
  });
};

const power: Rule = (emit, at) => {
  const [base, exponent] = at.inputs as [string, string];
  const result = at.outputs[0]!;
  const p = emit.cast(exponent, emit.dtype(base));
  return at.each((input, i) =>
    unbroadcast(emit, i === 0 ? byBase(emit, at, base, p) : byExponent(emit, at, base, p), input, result),
  );
};

/** p·x^(p-1); 0 for an exponent of 0. */
function byBase(emit: Emitter, at: Application, base: string, p: string): string {
  const constant = emit.facts.numbers(at.input(1));
  if (constant?.length === 1 && constant[0] === 2) return emit.times(at.gradient, emit.scale(base, 2));
  if (constant?.length === 1 && constant[0] === 3) return emit.times(at.gradient, emit.scale(emit.square(base), 3));
  const slope = emit.times(p, emit.node('Pow', [base, emit.shift(p, -1)]));
  return emit.where(emit.compare('Equal', p, 0), emit.number(base, 0), emit.times(at.gradient, slope));
}

/** y·ln x; 0 where x is 0 and the exponent is not negative. */
function byExponent(emit: Emitter, at: Application, base: string, p: string): string {
  const slope = emit.times(at.gradient, emit.times(at.outputs[0]!, emit.node('Log', [base])));
  const isFlat = emit.node('And', [emit.compare('Equal', base, 0), emit.compare('GreaterOrEqual', p, 0)]);
  return emit.where(isFlat, emit.number(base, 0), slope);
}

/** Equal elements share the gradient, as in torch.maximum. */
const extreme: Rule = (emit, at) => {
  const result = at.outputs[0]!;
  if (at.inputs.length === 1) return [at.gradient];
  const hits = at.inputs.map((input) =>
    emit.sized(emit.cast(emit.compare('Equal', input, result), emit.dtype(result)), result),
  );
  const share = emit.over(
    at.gradient,
    hits.reduce((a, b) => emit.sized(emit.plus(a, b), result)),
  );
  return at.each((input) => unbroadcast(emit, emit.masked(emit.compare('Equal', input, result), share), input, result));
};

const mean: Rule = (emit, at) => {
  const share = emit.scale(at.gradient, 1 / at.inputs.length);
  return at.each((input) => unbroadcast(emit, share, input, at.outputs[0]!));
};

const where: Rule = (emit, at) => {
  const zero = emit.number(at.gradient, 0);
  return at.each((input, i) => {
    const own = emit.where(at.input(0), i === 1 ? at.gradient : zero, i === 1 ? zero : at.gradient);
    return unbroadcast(emit, own, input, at.outputs[0]!);
  });
};

/** The bounds themselves let the gradient through, as in torch.clamp. */
const clip: Rule = (emit, at) => {
  const [x, least, most] = [at.input(0), at.input(1), at.input(2)];
  let gradient = at.gradient;
  if (least) gradient = emit.masked(emit.compare('GreaterOrEqual', x, least), gradient);
  if (most) gradient = emit.masked(emit.compare('LessOrEqual', x, most), gradient);
  const beyond = (bound: string, op: 'Less' | 'Greater') =>
    unbroadcast(emit, emit.masked(emit.compare(op, x, bound), at.gradient), bound, at.outputs[0]!);
  return [
    emit.sized(gradient, x),
    at.needs(1) ? beyond(least, 'Less') : null,
    at.needs(2) ? beyond(most, 'Greater') : null,
  ];
};

/** 1 / √(1 - x²), which asin and acos share. */
function arc(emit: Emitter, x: string, gradient: string): string {
  return emit.over(gradient, emit.node('Sqrt', [emit.shift(emit.neg(emit.square(x)), 1)]));
}

/** Rules of the operators that work element by element, with NumPy's broadcasting. */
export const ELEMENTWISE: Rules = {
  Identity: unary((_, __, ___, g) => g),
  Cast: unary((emit, x, _, g) => emit.cast(g, emit.dtype(x))),
  CastLike: (emit, at) => [at.needs(0) ? emit.cast(at.gradient, emit.dtype(at.input(0))) : null, null],
  Add: sum,
  Sum: sum,
  Sub: subtract,
  Mul: multiply,
  Div: divide,
  Mod: remainder,
  Pow: power,
  Max: extreme,
  Min: extreme,
  Mean: mean,
  Where: where,
  Clip: clip,
  Neg: unary((emit, _, __, g) => emit.neg(g)),
  // 0 at 0.
  Abs: unary((emit, x, _, g) => emit.times(g, emit.node('Sign', [x]))),
  Sqrt: unary((emit, _, y, g) => emit.over(emit.scale(g, 0.5), y)),
  Reciprocal: unary((emit, _, y, g) => emit.neg(emit.times(g, emit.square(y)))),
  Exp: unary((emit, _, y, g) => emit.times(g, y)),
  Log: unary((emit, x, _, g) => emit.over(g, x)),
  Sin: unary((emit, x, _, g) => emit.times(g, emit.node('Cos', [x]))),
  Cos: unary((emit, x, _, g) => emit.neg(emit.times(g, emit.node('Sin', [x])))),
  Tan: unary((emit, _, y, g) => emit.times(g, emit.shift(emit.square(y), 1))),
  Asin: unary((emit, x, _, g) => arc(emit, x, g)),
  Acos: unary((emit, x, _, g) => emit.neg(arc(emit, x, g))),
  Atan: unary((emit, x, _, g) => emit.over(g, emit.shift(emit.square(x), 1))),
  Sinh: unary((emit, x, _, g) => emit.times(g, emit.node('Cosh', [x]))),
  Cosh: unary((emit, x, _, g) => emit.times(g, emit.node('Sinh', [x]))),
  Asinh: unary((emit, x, _, g) => emit.over(g, emit.node('Sqrt', [emit.shift(emit.square(x), 1)]))),
  Acosh: unary((emit, x, _, g) => emit.over(g, emit.node('Sqrt', [emit.shift(emit.square(x), -1)]))),
  Atanh: unary((emit, x, _, g) => emit.over(g, emit.shift(emit.neg(emit.square(x)), 1))),
  Tanh: unary((emit, _, y, g) => emit.times(g, emit.shift(emit.neg(emit.square(y)), 1))),
  Sigmoid: unary((emit, _, y, g) => emit.times(g, emit.times(y, emit.shift(emit.neg(y), 1)))),
  Erf: unary((emit, x, _, g) =>
    emit.times(g, emit.scale(emit.node('Exp', [emit.neg(emit.square(x))]), 2 / Math.sqrt(Math.PI))),
  ),
};
