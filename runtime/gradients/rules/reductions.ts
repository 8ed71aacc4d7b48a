import type { Emitter } from '../emitter.ts';
import type { Application, Rules } from '../rule.ts';
import { unary } from './elementwise.ts';

/** The axes of a reduction: null for all, a name where only the run tells them. */
function axesOf(emit: Emitter, at: Application): readonly number[] | string | null {
  const tensor = at.input(1);
  const axes = tensor === '' ? at.ints('axes') : emit.facts.numbers(tensor);
  if (tensor !== '' && !axes) return tensor;
  if (axes?.length) return axes;
  return at.int('noop_with_empty_axes', 0) ? [] : null;
}

/** The output of the reduction, or the gradient by it, with the reduced dimensions as ones: it broadcasts over the input. */
function kept(emit: Emitter, at: Application, made: string): string {
  const axes = axesOf(emit, at);
  if (at.int('keepdims', 1) || axes === null) return made;
  return typeof axes === 'string' ? emit.node('Unsqueeze', [made, axes]) : emit.unsqueeze(made, ...axes);
}

/** Another reduction over the same axes, which keeps them as ones. */
function alike(emit: Emitter, at: Application, op: string, tensor: string): string {
  const axes = axesOf(emit, at);
  if (typeof axes === 'string') {
    const isNone = { int: at.int('noop_with_empty_axes', 0) };
    return emit.node(op, [tensor, axes], { keepdims: { int: 1 }, noop_with_empty_axes: isNone });
  }
  return axes?.length === 0 ? tensor : emit.reduce(op, tensor, axes);
}

/** The gradient by the mean of the elements of x that each element of `made` stands for. */
export function shareOfMean(emit: Emitter, x: string, made: string, gradient: string): string {
  const [many, few] = [emit.dims(x), emit.dims(made)].map((dims) =>
    dims?.reduce<number>((count, dim) => (typeof dim === 'number' ? count * dim : Number.NaN), 1),
  );
  if (many && few) return emit.scale(gradient, few / many);
  const [all, means] = [x, gradient].map((tensor) => emit.cast(emit.node('Size', [tensor]), 'float64'));
  return emit.times(gradient, emit.cast(emit.over(means!, all!), emit.dtype(gradient)));
}

/** Equal elements share the gradient, as in torch.amax. */
const extreme = unary((emit, x, y, g, at) => {
  const isHit = emit.compare('Equal', x, kept(emit, at, y));
  const count = alike(emit, at, 'ReduceSum', emit.sized(emit.cast(isHit, emit.dtype(x)), x));
  return emit.masked(isHit, emit.over(kept(emit, at, g), count));
});

/** The product of the others: where one element of them is 0, only by that one. */
const product = unary((emit, x, _, g, at) => {
  const isZero = emit.compare('Equal', x, 0);
  const others = emit.sized(emit.where(isZero, emit.number(x, 1), x), x);
  const rest = alike(emit, at, 'ReduceProd', others);
  const zeros = alike(emit, at, 'ReduceSum', emit.sized(emit.cast(isZero, emit.dtype(x)), x));
  const byZero = emit.masked(emit.compare('Equal', zeros, 1), rest);
  const byOther = emit.masked(emit.compare('Equal', zeros, 0), emit.over(rest, others));
  return emit.times(kept(emit, at, g), emit.where(isZero, byZero, byOther));
});

/** Rules of reductions. */
export const REDUCTIONS: Rules = {
  ReduceSum: unary((emit, x, _, g, at) => emit.expandLike(kept(emit, at, g), x)),
  ReduceMean: unary((emit, x, y, g, at) => emit.expandLike(kept(emit, at, shareOfMean(emit, x, y, g)), x)),
  ReduceMax: extreme,
  ReduceMin: extreme,
  ReduceProd: product,
  ReduceSumSquare: unary((emit, x, _, g, at) => emit.times(kept(emit, at, g), emit.scale(x, 2))),
  // 0 at 0.
  ReduceL1: unary((emit, x, _, g, at) => emit.times(kept(emit, at, g), emit.node('Sign', [x]))),
  // 0 at a vector of zeros.
  ReduceL2: unary((emit, x, y, g, at) => {
    const norm = kept(emit, at, y);
    return emit.masked(emit.compare('Greater', norm, 0), emit.times(x, emit.over(kept(emit, at, g), norm)));
  }),
  ReduceLogSum: unary((emit, x, y, g, at) =>
    emit.expandLike(kept(emit, at, emit.times(g, emit.node('Exp', [emit.neg(y)]))), x),
  ),
  ReduceLogSumExp: unary((emit, x, y, g, at) =>
    emit.times(kept(emit, at, g), emit.node('Exp', [emit.minus(x, kept(emit, at, y))])),
  ),
};
