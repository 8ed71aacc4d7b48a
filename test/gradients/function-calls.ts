import {
  abs,
  add,
  amax,
  amin,
  cat,
  ceil,
  clamp,
  clone,
  cos,
  cosineSimilarity,
  crossEntropy,
  cumsum,
  detach,
  div,
  dot,
  einsum,
  erf,
  exp,
  expand,
  expm1,
  flatten,
  flip,
  floor,
  gather,
  gelu,
  indexSelect,
  isinf,
  klDiv,
  layerNorm,
  lerp,
  linear,
  log,
  log1p,
  log2,
  log10,
  logSoftmax,
  logsumexp,
  maskedFill,
  maskedSelect,
  matmul,
  max,
  maximum,
  mean,
  min,
  minimum,
  mseLoss,
  mul,
  neg,
  nllLoss,
  norm,
  normalize,
  outer,
  permute,
  pow,
  prod,
  reciprocal,
  relu,
  remainder,
  repeat,
  reshape,
  rmsNorm,
  round,
  rsqrt,
  scatter,
  scatterAdd,
  sigmoid,
  sign,
  silu,
  sin,
  softmax,
  softplus,
  sort,
  split,
  sqrt,
  square,
  squeeze,
  stack,
  std,
  sub,
  sum,
  take,
  tan,
  tanh,
  topk,
  tril,
  triu,
  trunc,
  unbind,
  unsqueeze,
  variance,
  where,
} from 'onnsight';
import type { Traced } from '../../runtime/types/tensor.ts';

/** The operands of a call, by the names that the reference has for them; a call has those that it names. */
export type Operands = Readonly<Record<'a' | 'b' | 'c' | 'i' | 'm' | 's' | 'v' | 'w' | 'x' | 'y', Traced>>;

/** What a call of the reference (test/fixtures/gradients/functions.json) gives. The order of `norm` is written where PyTorch has it. */
export function resultOf(call: string, operands: Operands): number {
  'use trace';
  const { a, b, c, i, m, s, v, w, x } = operands;
  switch (call) {
    case 'abs(x)':
      return abs(x);
    case 'neg(x)':
      return neg(x);
    case 'exp(x)':
      return exp(x);
    case 'expm1(x)':
      return expm1(x);
    case 'sin(x)':
      return sin(x);
    case 'cos(x)':
      return cos(x);
    case 'tan(x)':
      return tan(x);
    case 'tanh(x)':
      return tanh(x);
    case 'sigmoid(x)':
      return sigmoid(x);
    case 'relu(x)':
      return relu(x);
    case 'silu(x)':
      return silu(x);
    case 'softplus(x)':
      return softplus(x);
    case 'erf(x)':
      return erf(x);
    case 'square(x)':
      return square(x);
    case 'gelu(x)':
      return gelu(x);
    case 'floor(x)':
      return floor(x);
    case 'ceil(x)':
      return ceil(x);
    case 'round(x)':
      return round(x);
    case 'trunc(x)':
      return trunc(x);
    case 'sign(x)':
      return sign(x);
    case "gelu(x, { approximate: 'tanh' })":
      return gelu(x, { approximate: 'tanh' });
    case 'sqrt(x)':
      return sqrt(x);
    case 'rsqrt(x)':
      return rsqrt(x);
    case 'log(x)':
      return log(x);
    case 'log2(x)':
      return log2(x);
    case 'log10(x)':
      return log10(x);
    case 'log1p(x)':
      return log1p(x);
    case 'reciprocal(x)':
      return reciprocal(x);
    case 'add(a, b)':
      return add(a, b);
    case 'sub(a, b)':
      return sub(a, b);
    case 'mul(a, b)':
      return mul(a, b);
    case 'div(a, b)':
      return div(a, b);
    case 'maximum(a, b)':
      return maximum(a, b);
    case 'minimum(a, b)':
      return minimum(a, b);
    case 'pow(a, b)':
      return pow(a, b);
    case 'a ** 2':
      return a ** 2;
    case 'a ** 3':
      return a ** 3;
    case 'a ** 0.5':
      return a ** 0.5;
    case 'a ** 0':
      return a ** 0;
    case 'remainder(a, b)':
      return remainder(a, b);
    case 'clamp(x, -0.5, 0.5)':
      return clamp(x, -0.5, 0.5);
    case 'clamp(x, 0)':
      return clamp(x, 0);
    case 'lerp(a, b, 0.3)':
      return lerp(a, b, 0.3);
    case 'where(c, a, b)':
      return where(c, a, b);
    case 'where(x > 0, log(x), 0)':
      return where(x > 0, log(x), 0);
    case 'where(x > 0, sqrt(x), 0)':
      return where(x > 0, sqrt(x), 0);
    case 'maskedFill(x, m, 0)':
      return maskedFill(x, m, 0);
    case 'sum(x, 1, false)':
      return sum(x, 1, false);
    case 'mean(x, 1, false)':
      return mean(x, 1, false);
    case 'prod(x, 1, false)':
      return prod(x, 1, false);
    case 'std(x, 1, false)':
      return std(x, 1, { keepdim: false });
    case 'var(x, 1, false)':
      return variance(x, 1, { keepdim: false });
    case 'norm(x, 1, false)':
      return norm(x, 2, 1, false);
    case 'amax(x, 1, false)':
      return amax(x, 1, false);
    case 'amin(x, 1, false)':
      return amin(x, 1, false);
    case 'logsumexp(x, 1, false)':
      return logsumexp(x, 1, false);
    case 'sum(x, 1, true)':
      return sum(x, 1, true);
    case 'mean(x, 1, true)':
      return mean(x, 1, true);
    case 'prod(x, 1, true)':
      return prod(x, 1, true);
    case 'std(x, 1, true)':
      return std(x, 1, { keepdim: true });
    case 'var(x, 1, true)':
      return variance(x, 1, { keepdim: true });
    case 'norm(x, 1, true)':
      return norm(x, 2, 1, true);
    case 'amax(x, 1, true)':
      return amax(x, 1, true);
    case 'amin(x, 1, true)':
      return amin(x, 1, true);
    case 'logsumexp(x, 1, true)':
      return logsumexp(x, 1, true);
    case 'sum(x)':
      return sum(x);
    case 'mean(x)':
      return mean(x);
    case 'prod(x)':
      return prod(x);
    case 'std(x)':
      return std(x);
    case 'var(x)':
      return variance(x);
    case 'norm(x)':
      return norm(x);
    case 'amax(x)':
      return amax(x);
    case 'max(x)':
      return max(x);
    case 'min(x)':
      return min(x);
    case 'sum(x, [0, 2])':
      return sum(x, [0, 2]);
    case 'norm(x, -1, { p: 1 })':
      return norm(x, 1, -1);
    case 'norm(x, -1, { p: 3 })':
      return norm(x, 3, -1);
    case 'norm(x, -1, { p: Infinity })':
      return norm(x, Infinity, -1);
    case 'amax(x, 0)':
      return amax(x, 0);
    case 'max(x, 0).values':
      return max(x, 0).values;
    case 'min(x, 0).values':
      return min(x, 0).values;
    case 'prod(x, 1)':
      return prod(x, 1);
    case 'norm(x, 1)':
      return norm(x, 2, 1);
    case 'normalize(x, 1)':
      return normalize(x);
    case 'cosineSimilarity(a, b, 1)':
      return cosineSimilarity(a, b, 1);
    case 'logsumexp(x, 0)':
      return logsumexp(x, 0);
    case 'softmax(x, -1)':
      return softmax(x, -1);
    case 'softmax(x, 0)':
      return softmax(x, 0);
    case 'logSoftmax(x, -1)':
      return logSoftmax(x, -1);
    case 'softmax(maskedFill(x, m, -Infinity), -1)':
      return softmax(maskedFill(x, m, -Infinity), -1);
    case 'cumsum(x, 1)':
      return cumsum(x, 1);
    case 'layerNorm(x, 4, w, b)':
      return layerNorm(x, 4, w, b);
    case 'rmsNorm(x, 4, w)':
      return rmsNorm(x, 4, w);
    case 'normalize(x, -1)':
      return normalize(x, { dim: -1 });
    case 'cosineSimilarity(a, b, -1)':
      return cosineSimilarity(a, b, -1);
    case 'gather(x, 1, i)':
      return gather(x, 1, i);
    case 'scatter(x, 1, i, s)':
      return scatter(x, 1, i, s);
    case 'scatterAdd(x, 1, i, s)':
      return scatterAdd(x, 1, i, s);
    case 'indexSelect(x, 0, i)':
      return indexSelect(x, 0, i);
    case 'take(x, i)':
      return take(x, i);
    case 'maskedSelect(x, x > 0)':
      return maskedSelect(x, x > 0);
    case 'x[i]':
      return x[i];
    case "x['0, ::2']":
      return x['0, ::2'];
    case 'flip(x, 0)':
      return flip(x, 0);
    case "x['..., -1']":
      return x['..., -1'];
    case 'y = clone(x); y[x > 0] = 0': {
      const y = clone(x);
      y[(x > 0) as never] = 0;
      return y;
    }
    case "y = clone(x); y[':, 1:3'] = v": {
      const y = clone(x);
      y[':, 1:3'] = v;
      return y;
    }
    case 'y = clone(x); y[[0, 2]] = v': {
      const y = clone(x);
      y[[0, 2] as never] = v;
      return y;
    }
    case "y = clone(x); y[':, 0'] += y[':, 1'] * 2; y.view(-1)['2:5'] *= 3": {
      const y = clone(x);
      y[':, 0'] += y[':, 1'] * 2;
      y.view(-1)['2:5'] *= 3;
      return y;
    }
    case 'topk(x, 2, -1).values':
      return topk(x, 2, -1).values;
    case 'sort(x, -1).values':
      return sort(x, -1).values;
    case 'topk(x, 2).values':
      return topk(x, 2).values;
    case 'tril(x)':
      return tril(x);
    case 'triu(x, 1)':
      return triu(x, 1);
    case 'reshape(x, 4, 3)':
      return reshape(x, 4, 3);
    case 'permute(x, 2, 0, 1)':
      return permute(x, 2, 0, 1);
    case 'expand(x, 2, 3, 4)':
      return expand(x, 2, 3, 4);
    case 'repeat(x, 2, 3)':
      return repeat(x, 2, 3);
    case 'cat([a, b], 1)':
      return cat([a, b], 1);
    case 'stack([a, b], 1)':
      return stack([a, b], 1);
    case 'split(x, [1, 3], 1)[1]':
      return split(x, [1, 3], 1)[1]!;
    case 'unbind(x, 0)[2]':
      return unbind(x, 0)[2]!;
    case 'flatten(x, 1)':
      return flatten(x, 1);
    case 'squeeze(unsqueeze(x, 1), 1)':
      return squeeze(unsqueeze(x, 1), 1);
    case 'matmul(a, b)':
      return matmul(a, b);
    case 'linear(x, w, b)':
      return linear(x, w, b);
    case "einsum('bij,bjk->bik', a, b)":
      return einsum('bij,bjk->bik', a, b);
    case "einsum('ij->j', a)":
      return einsum('ij->j', a);
    case "einsum('ii->i', a)":
      return einsum('ii->i', a);
    case 'outer(a, b)':
      return outer(a, b);
    case 'dot(a, b)':
      return dot(a, b);
    case 'crossEntropy(x, y)':
      return crossEntropy(x, operands.y);
    case "crossEntropy(x, y, { reduction: 'sum', labelSmoothing: 0.1 })":
      return crossEntropy(x, operands.y, { reduction: 'sum', labelSmoothing: 0.1 });
    case 'mseLoss(a, b)':
      return mseLoss(a, b);
    case 'klDiv(logSoftmax(a, -1), softmax(b, -1))':
      return klDiv(logSoftmax(a, -1), softmax(b, -1));
    case 'nllLoss(logSoftmax(x, -1), y)':
      return nllLoss(logSoftmax(x, -1), operands.y);
    case 'x * x + sum(x)':
      return x * x + sum(x);
    case 'where(isinf(x), 0, x) * 2':
      return where(isinf(x), 0, x) * 2;
    case 'detach(x) * x':
      return detach(x) * x;
    case 'x * x':
      return x * x;
    default:
      throw new Error(`There is no call ${call}`);
  }
}
