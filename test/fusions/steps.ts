import * as f from '../../runtime/functions/index.ts';
import { asProxy, nodes, typeOf } from '../../runtime/functions/nodes.ts';
import { TensorProxy } from '../../runtime/tracing/proxy.ts';
import '../../runtime/operators/index.ts';
import type { Traced } from '../../runtime/types/tensor.ts';
import type { Draw } from './draw.ts';

/** One operation on a float32 tensor that a block may hold, with drawn operands; null where it does not apply. */
export type Step = (x: Traced, draw: Draw) => Traced | null;

export const dimsOf = (x: Traced): number[] => typeOf(x).shape!.map(Number);

const unary: readonly ((x: Traced) => Traced)[] = [
  f.abs,
  f.neg,
  f.exp,
  f.relu,
  f.sigmoid,
  f.tanh,
  f.sin,
  f.cos,
  f.tan,
  f.erf,
  f.gelu,
  f.silu,
  f.softplus,
  f.floor,
  f.ceil,
  f.round,
  f.sign,
  f.reciprocal,
  f.square,
  f.isnan,
  f.isinf,
  f.logicalNot,
  f.bool,
  f.long,
  f.half,
  f.double,
  f.clone,
  f.detach,
  f.trunc,
  f.expm1,
  f.zerosLike,
  f.onesLike,
  f.numel,
  f.shape,
];

const positive = [f.sqrt, f.rsqrt, f.log, f.log1p, f.log2, f.log10];

const binary = [
  f.add,
  f.sub,
  f.mul,
  f.div,
  f.minimum,
  f.maximum,
  f.remainder,
  f.fmod,
  f.lt,
  f.le,
  f.gt,
  f.ge,
  f.eq,
  f.ne,
  f.logicalAnd,
  f.logicalOr,
  f.logicalXor,
  f.floorDivide,
];

const bits = [f.bitwiseAnd, f.bitwiseOr, f.bitwiseXor];

const reductions = [f.sum, f.mean, f.prod, f.amax, f.amin, f.var, f.std, f.logsumexp, f.all, f.any] as readonly ((
  x: Traced,
  dim: readonly number[],
  keepdim?: boolean,
) => Traced)[];

/** A second operand that broadcasts with the first: as large, smaller or larger. */
function beside(x: Traced, draw: Draw): Traced {
  const dims = dimsOf(x);
  switch (draw.int(0, 4)) {
    case 0:
      return draw.tensor(dims);
    case 1:
      return draw.tensor([]);
    case 2:
      return draw.tensor(dims.slice(draw.int(0, dims.length)));
    case 3:
      return draw.tensor(dims.map((size) => (draw.maybe() ? size : 1)));
    default:
      return draw.tensor([2, ...dims]);
  }
}

const named = <F extends (...values: never[]) => unknown>(fns: readonly F[], make: (fn: F) => Step) =>
  fns.map((fn) => [fn.name, make(fn)] as const);

const onRank =
  (least: number, step: (x: Traced, draw: Draw, dims: readonly number[]) => Traced | null): Step =>
  (x, draw) => {
    const dims = dimsOf(x);
    return dims.length < least ? null : step(x, draw, dims);
  };

const axes = (dims: readonly number[]): number[] => dims.map((_, i) => i);

const assigned = (x: Traced, key: unknown, value: unknown): Traced => {
  const copy = f.clone(x);
  TensorProxy.indexing.setitem(asProxy(copy), key, value);
  return copy;
};

const item = (x: Traced, key: unknown): Traced => TensorProxy.indexing.getitem(asProxy(x), key) as Traced;

/** A slice of one dimension, as a block writes it. */
function sliceOf(size: number, draw: Draw): string {
  const [start, stop] = [draw.int(0, size - 1), draw.int(1, size)];
  const step = draw.pick(['', ':2', ':1']);
  if (draw.maybe()) return `${Math.min(start, stop - 1)}:${stop}${step}`;
  return draw.pick([':', `-${draw.int(1, size)}:`, `:-${size}:-1`, '::-1', '::2']);
}

/** Everything that a block may do with a tensor, by name. */
export const steps: Readonly<Record<string, Step>> = Object.fromEntries<Step>([
  ...named(unary, (fn) => (x) => fn(x)),
  ['gelu tanh', (x) => f.gelu(x, { approximate: 'tanh' })],
  ...named(positive, (fn) => (x) => fn(f.add(f.abs(x), 0.125))),
  ...named(binary, (fn) => (x, draw) => (draw.maybe() ? fn(x, beside(x, draw)) : fn(beside(x, draw), x))),
  ['plus a number', (x, draw) => f.add(x, draw.int(1, 3))],
  ['times a number', (x, draw) => f.mul(draw.int(2, 5) / 4, x)],
  ['by a number', (x) => f.div(x, 8)],
  ['from a number', (x) => f.sub(1, x)],
  ['a number by', (x) => f.div(1, x)],
  ['times itself', (x) => f.mul(x, f.sigmoid(x))],
  ...named(bits, (fn) => (x, draw) => fn(f.long(f.mul(x, 8)), f.long(f.mul(beside(x, draw), 8)))),
  ['bitwiseNot', (x) => f.bitwiseNot(f.long(f.mul(x, 8)))],
  ['pow', (x, draw) => f.pow(x, draw.pick([2, 3, 1, 0, -1]))],
  ['pow of a fraction', (x, draw) => f.pow(f.abs(x), draw.pick([0.5, 1.5, -0.5]))],
  ['clamp', (x) => f.clamp(x, -0.5, 0.75)],
  ['clamp from below', (x) => f.clamp(x, { min: 0 })],
  [
    'where',
    (x, draw) => {
      const y = beside(x, draw);
      return f.where(f.gt(x, y), x, y);
    },
  ],
  ['maskedFill', (x) => f.maskedFill(x, f.lt(x, 0.25), -3)],
  ['lerp', (x, draw) => f.lerp(x, draw.tensor(dimsOf(x)), 0.25)],
  ['countNonzero', onRank(1, (x, draw, dims) => f.countNonzero(x, draw.some(axes(dims))))],
  ...named(reductions, (fn) => onRank(1, (x, draw, dims) => fn(x, draw.some(axes(dims)), draw.maybe()))),
  ...named([...reductions, f.countNonzero], (fn) => (x: Traced) => fn(x, null as never)).map(
    ([name, step]) => [`${name} of all`, step] as const,
  ),
  [
    'norm',
    onRank(1, (x, draw, dims) =>
      f.norm(x, draw.pick([1, 2, Number.POSITIVE_INFINITY]), draw.some(axes(dims)), draw.maybe()),
    ),
  ],
  ['argmax', onRank(1, (x, draw, dims) => f.argmax(x, draw.pick(axes(dims)), draw.maybe()))],
  ['argmin', onRank(1, (x, draw, dims) => f.argmin(x, draw.pick(axes(dims)), draw.maybe()))],
  ['softmax', onRank(1, (x, draw, dims) => f.softmax(x, draw.pick(axes(dims))))],
  ['logSoftmax', onRank(1, (x, draw, dims) => f.logSoftmax(x, draw.pick(axes(dims))))],
  ['cumsum', onRank(1, (x, draw, dims) => f.cumsum(x, draw.pick(axes(dims))))],
  ['sort', onRank(1, (x, draw, dims) => f.sort(x, draw.pick(axes(dims)), draw.maybe()).values)],
  [
    'topk',
    onRank(1, (x, draw, dims) => {
      const dim = draw.pick(axes(dims));
      return f.topk(x, draw.int(1, dims[dim]!), dim).values;
    }),
  ],
  ['flip', onRank(1, (x, draw, dims) => f.flip(x, draw.some(axes(dims))))],
  ['reshape', (x, draw) => f.reshape(x, draw.shuffled(dimsOf(x)))],
  ['reshape to a row', (x) => f.reshape(x, 1, -1)],
  ['reshape to a column', (x) => f.reshape(x, -1, 1)],
  ['flatten', (x) => f.flatten(x)],
  [
    'flatten a part',
    onRank(2, (x, draw, dims) => {
      const start = draw.int(0, dims.length - 2);
      return f.flatten(x, start, draw.int(start, dims.length - 1));
    }),
  ],
  [
    'unflatten',
    onRank(1, (x, draw, dims) => {
      const dim = draw.pick(axes(dims));
      return f.unflatten(x, dim, draw.maybe() ? [1, dims[dim]!] : [dims[dim]!, 1]);
    }),
  ],
  ['squeeze', (x) => f.squeeze(x)],
  ['unsqueeze', (x, draw) => f.unsqueeze(x, draw.int(0, dimsOf(x).length))],
  ['transpose', onRank(2, (x) => f.transpose(x, -1, -2))],
  ['permute', onRank(2, (x, draw, dims) => f.permute(x, draw.shuffled(axes(dims))))],
  ['movedim', onRank(2, (x, draw, dims) => f.movedim(x, draw.pick(axes(dims)), draw.pick(axes(dims))))],
  ['expand', (x) => f.expand(x, 3, ...dimsOf(x))],
  ['expand a dimension', (x, draw) => f.expand(f.unsqueeze(x, -1), ...dimsOf(x), draw.int(1, 3))],
  [
    'repeat',
    onRank(1, (x, draw, dims) =>
      f.repeat(
        x,
        dims.map(() => draw.int(1, 2)),
      ),
    ),
  ],
  ['item', onRank(1, (x, draw, dims) => item(x, draw.int(0, dims[0]! - 1)))],
  ['last item', onRank(1, (x) => item(x, '..., -1'))],
  ['traced item', onRank(1, (x, draw, dims) => item(x, draw.indices([], dims[0]!)))],
  ['slices', onRank(1, (x, draw, dims) => item(x, dims.map((size) => sliceOf(size, draw)).join(', ')))],
  ['new axis', (x) => item(x, '..., None')],
  ['index', onRank(1, (x, draw, dims) => item(x, draw.indices([draw.int(1, 3)], dims[0]!)))],
  ['mask', onRank(1, (x) => f.sum(item(x, f.gt(x, 0))))],
  [
    'select',
    onRank(1, (x, draw, dims) => {
      const dim = draw.pick(axes(dims));
      return f.select(x, dim, draw.int(0, dims[dim]! - 1));
    }),
  ],
  [
    'narrow',
    onRank(1, (x, draw, dims) => {
      const dim = draw.pick(axes(dims));
      const start = draw.int(0, dims[dim]! - 1);
      return f.narrow(x, dim, start, draw.int(1, dims[dim]! - start));
    }),
  ],
  [
    'indexSelect',
    onRank(1, (x, draw, dims) => {
      const dim = draw.pick(axes(dims));
      return f.indexSelect(x, dim, draw.indices([3], dims[dim]!));
    }),
  ],
  [
    'gather',
    onRank(1, (x, draw, dims) => {
      const dim = draw.pick(axes(dims));
      return f.gather(x, dim, draw.indices(dims, dims[dim]!));
    }),
  ],
  [
    'scatter',
    onRank(1, (x, draw, dims) => {
      const dim = draw.pick(axes(dims));
      return f.scatter(x, dim, f.argsort(draw.tensor(dims), dim), draw.tensor(dims));
    }),
  ],
  [
    'scatterAdd',
    onRank(1, (x, draw, dims) => {
      const dim = draw.pick(axes(dims));
      return f.scatterAdd(x, dim, draw.indices(dims, dims[dim]!), draw.tensor(dims));
    }),
  ],
  [
    'take',
    (x, draw) =>
      f.take(
        x,
        draw.indices(
          [2, 2],
          dimsOf(x).reduce((a, b) => a * b, 1),
        ),
      ),
  ],
  ['tril', onRank(2, (x, draw) => f.tril(x, draw.int(-1, 1)))],
  ['triu', onRank(2, (x, draw) => f.triu(x, draw.int(-1, 1)))],
  ['set an item', onRank(1, (x, draw, dims) => assigned(x, draw.int(0, dims[0]! - 1), draw.tensor(dims.slice(1))))],
  ['set a traced item', onRank(1, (x, draw, dims) => assigned(x, draw.indices([], dims[0]!), draw.tensor([])))],
  ['set the last item', onRank(1, (x, draw, dims) => assigned(x, '..., -1', draw.tensor(dims.slice(0, -1))))],
  ['set slices', onRank(1, (x, draw, dims) => assigned(x, dims.map((size) => sliceOf(size, draw)).join(', '), 5))],
  ['set by a mask', onRank(1, (x) => assigned(x, f.gt(x, 0.5), -1))],
  [
    'set by an index',
    onRank(1, (x, draw, dims) => assigned(x, draw.indices([1], dims[0]!), draw.tensor([1, ...dims.slice(1)]))),
  ],
  [
    'split',
    onRank(1, (x, draw, dims) => {
      const dim = draw.pick(axes(dims));
      return f.split(x, draw.int(1, dims[dim]!), dim).at(-1)!;
    }),
  ],
  [
    // What a pass makes of the logits of several rows.
    'split by its node',
    onRank(1, (x, draw, dims) => {
      const dim = draw.pick(axes(dims));
      return nodes('split', [x], { sizes: null, count: dims[dim]!, dim }).at(-1)!;
    }),
  ],
  ['unbind', onRank(1, (x, draw, dims) => f.unbind(x, draw.pick(axes(dims)))[0]!)],
  [
    'cat',
    onRank(1, (x, draw, dims) => {
      const other = draw.tensor(dims);
      const dim = draw.pick(axes(dims));
      return f.cat(draw.maybe() ? [x, other] : [other, x, other], dim);
    }),
  ],
  ['cat with itself', onRank(1, (x, draw, dims) => f.cat([x, x], draw.pick(axes(dims))))],
  ['stack', (x, draw) => f.stack([x, draw.tensor(dimsOf(x))], draw.int(0, dimsOf(x).length))],
  ['matmul', onRank(1, (x, draw, dims) => f.matmul(x, draw.tensor([dims.at(-1)!, draw.int(1, 4)])))],
  ['matmul from the left', onRank(2, (x, draw, dims) => f.matmul(draw.tensor([draw.int(1, 4), dims.at(-2)!]), x))],
  ['matmul with a vector', onRank(1, (x, draw, dims) => f.matmul(x, draw.tensor([dims.at(-1)!])))],
  ['a vector matmul', onRank(2, (x, draw, dims) => f.matmul(draw.tensor([dims.at(-2)!]), x))],
  [
    'vector matmul',
    onRank(1, (x, draw, dims) => (dims.length === 1 ? f.matmul(draw.tensor([2, 3, dims[0]!]), x) : null)),
  ],
  [
    'matmul of batches',
    onRank(2, (x, draw, dims) => f.matmul(x, draw.tensor([...dims.slice(0, -2), dims.at(-1)!, 3]))),
  ],
  ['matmul with a batch', onRank(2, (x, draw, dims) => f.matmul(draw.tensor([2, 3, dims.at(-2)!]), x))],
  ['matmul with itself', onRank(2, (x) => f.matmul(x, f.transpose(x, -1, -2)))],
  ['matmul of itself', onRank(2, (x) => f.matmul(f.transpose(x, -1, -2), x))],
  [
    'linear',
    onRank(1, (x, draw, dims) => f.linear(x, draw.tensor([3, dims.at(-1)!]), draw.maybe() ? draw.tensor([3]) : null)),
  ],
  ['outer', onRank(1, (x, draw, dims) => (dims.length === 1 ? f.outer(x, draw.tensor([3])) : null))],
  ['einsum', onRank(2, (x, draw, dims) => f.einsum('...ij,kj->...ik', x, draw.tensor([3, dims.at(-1)!])))],
  ['einsum of a sum', onRank(2, (x) => f.einsum('...ij->...j', x))],
  ['einsum of a transpose', onRank(2, (x) => f.einsum('...ij->...ji', x))],
  ['layerNorm', onRank(1, (x, _, dims) => f.layerNorm(x, dims.at(-1)!))],
  [
    'layerNorm with weights',
    onRank(1, (x, draw, dims) =>
      f.layerNorm(x, dims.at(-1)!, draw.tensor([dims.at(-1)!]), draw.tensor([dims.at(-1)!])),
    ),
  ],
  [
    'rmsNorm',
    onRank(1, (x, draw, dims) => f.rmsNorm(x, dims.at(-1)!, draw.maybe() ? draw.tensor([dims.at(-1)!]) : null)),
  ],
  ['normalize', onRank(1, (x, draw, dims) => f.normalize(x, { dim: draw.pick(axes(dims)) }))],
  ['cosineSimilarity', onRank(1, (x, draw, dims) => f.cosineSimilarity(x, draw.tensor(dims), draw.pick(axes(dims))))],
  [
    'attention',
    onRank(2, (x, draw, dims) =>
      f.matmul(f.softmax(f.div(f.matmul(x, f.transpose(draw.tensor(dims), -1, -2)), 2), -1), draw.tensor(dims)),
    ),
  ],
  ['mseLoss', (x, draw) => f.mseLoss(x, draw.tensor(dimsOf(x)))],
]);
