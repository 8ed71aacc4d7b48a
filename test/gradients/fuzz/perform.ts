import {
  abs,
  argmax,
  cat,
  clamp,
  clone,
  cumsum,
  double,
  exp,
  flip,
  float,
  gather,
  gelu,
  layerNorm,
  lerp,
  logSoftmax,
  matmul,
  max,
  maximum,
  mean,
  norm,
  normalize,
  relu,
  scatterAdd,
  sigmoid,
  silu,
  sin,
  softmax,
  softplus,
  sort,
  sqrt,
  square,
  std,
  sum,
  tanh,
  topk,
  where,
  zerosLike,
} from 'onnsight';
import type { Traced } from '../../../runtime/types/tensor.ts';
import type { Step } from './program.ts';

/** What the modules of a model do with a tensor: 5 numbers a row to 10, and 10 to 2. */
export interface Modules {
  readonly layer1: (x: Traced) => Traced;
  readonly layer2: (x: Traced) => Traced;
}

/** The block: float64[2, 10] to float64[2, 10], step by step, with a second operand float64[10]. */
export function perform(program: readonly Step[], start: Traced, q: Traced, modules: Modules): Traced {
  'use trace';
  let x = start;
  for (const step of program) x = after(step, x, q, modules);
  return x;
}

function after({ kind, by, at, then, otherwise }: Step, x: Traced, q: Traced, modules: Modules): Traced {
  'use trace';
  const row = at % 2;
  switch (kind) {
    case 'tanh':
      return tanh(x);
    case 'sin':
      return sin(x);
    case 'sigmoid':
      return sigmoid(x);
    case 'gelu':
      return double(gelu(float(x)));
    case 'silu':
      return silu(x);
    case 'softplus':
      return softplus(x);
    case 'exp':
      return exp(tanh(x)) as Traced;
    case 'square':
      return (square(x) * 0.1) as Traced;
    case 'relu':
      return relu(x);
    case 'abs':
      return abs(x);
    case 'sqrt':
      return sqrt(square(x) + by);
    case 'times':
      return (x * q) as Traced;
    case 'over':
      return (x / (square(q) + by)) as Traced;
    case 'maximum':
      return maximum(x, q);
    case 'where':
      return where(x > q, x * by, q);
    case 'clamp':
      return clamp(x, -by, by);
    case 'lerp':
      return lerp(x, q, by);
    case 'softmax':
      return softmax(x, -1);
    case 'logSoftmax':
      return logSoftmax(x, row);
    case 'layerNorm':
      return layerNorm(x, 10, q);
    case 'normalize':
      return normalize(x, { dim: -1 });
    case 'cumsum':
      return (cumsum(x, 1) * 0.3) as Traced;
    case 'std':
      return (x * std(x, -1, { keepdim: true })) as Traced;
    case 'max':
      return (x - max(x, -1, true).values * by) as Traced;
    case 'sort':
      return sort(x, -1).values;
    case 'flip':
      return flip(x, 1);
    case 'transposed':
      return x.t().reshape(2, 10);
    case 'cat':
      return cat([x['..., 3:'], x['..., :3'] * by], -1);
    case 'gather':
      return gather(x, -1, topk(x, 10, -1).indices);
    case 'scatterAdd':
      return scatterAdd(x, -1, argmax(x, -1, true), x['..., :1'] * by);
    case 'matmul':
      return matmul(matmul(x, x.t()) * 0.1, x);
    case 'columns': {
      const y = clone(x);
      y[':, 2:5'] = y[':, 4:7'] * by;
      return y;
    }
    case 'row': {
      const y = clone(x);
      y[row] += q;
      return y;
    }
    case 'strided': {
      const y = clone(x);
      y['..., ::2'] *= by;
      return y;
    }
    case 'masked': {
      const y = clone(x);
      y[(x > by) as never] = by;
      return y;
    }
    case 'tracedRow': {
      const y = clone(x);
      y[argmax(norm(x, 2, -1))] = q;
      return y;
    }
    case 'view': {
      const y = clone(x);
      const columns = y[':, 2:'];
      columns['..., 0'] *= by;
      columns[row] += x[1 - row]['2:'];
      return y;
    }
    case 'layer1':
      return double(modules.layer1(float(x['..., :5'])));
    case 'layer2':
      return (x + sum(double(modules.layer2(float(x))), -1, true)) as Traced;
    case 'if': {
      let y = x;
      if (mean(x) > 0) y = perform(then, x, q, modules);
      else y = perform(otherwise, x, q, modules);
      return y;
    }
    case 'rows': {
      let total = zerosLike(q);
      for (const one of x) {
        if (norm(one) > by) total = (total + one * by) as Traced;
        else total = (total * 0.5) as Traced;
      }
      return perform(then, (x + total) as Traced, q, modules);
    }
    case 'while': {
      let y = x;
      while (norm(y) > 3 * by) y = (y * 0.6 + tanh(y) * 0.1) as Traced;
      return perform(then, y, q, modules);
    }
    case 'for': {
      let y = x;
      for (let i = 0; i < 2; i++) y = perform(then, y, q, modules);
      return y;
    }
  }
}
