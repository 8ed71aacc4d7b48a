import { intAttribute, intsAttribute } from '../../onnx/attributes.ts';
import type { Dim, Dims } from '../facts.ts';
import { axesOf, broadcast, positive } from './axes.ts';
import type { Infer, Sizes } from './rule.ts';

/* The sizes of what operators make that move elements: the same ones in another shape, or some of them. */

export const reshape: Infer = (node, facts) => {
  const from = facts.dims(node.input[0]!);
  const shape = facts.value(node.input[1]!);
  if (!shape) {
    const length = facts.dims(node.input[1]!)?.[0];
    return typeof length === 'number' ? [Array.from({ length }, () => facts.symbol())] : [];
  }
  const isZeroKept = intAttribute(node, 'allowzero') !== 1;
  const dims = shape.map((size, i) => (size === 0 && isZeroKept ? (from?.[i] ?? facts.symbol()) : size));
  const open = dims.indexOf(-1);
  if (open >= 0) dims[open] = restOf(from, dims) ?? facts.symbol();
  return [dims];
};

/** The size that -1 in a shape stands for: equal sizes cancel out, and numbers divide. */
function restOf(from: Dims, dims: Sizes): Dim | null {
  if (!from) return null;
  const left = from.filter((dim) => dim !== 1);
  const over: number[] = [];
  for (const dim of dims) {
    if (dim === -1 || dim === 1) continue;
    const at = left.indexOf(dim);
    if (at >= 0) left.splice(at, 1);
    else if (typeof dim === 'number') over.push(dim);
    else return null;
  }
  if (over.length === 0 && left.length < 2) return left[0] ?? 1;
  if (over.includes(0) || !left.every((dim) => typeof dim === 'number')) return null;
  const rest = productOf(left) / productOf(over);
  return Number.isInteger(rest) ? rest : null;
}

function productOf(sizes: Sizes): number {
  return (sizes as readonly number[]).reduce((product, size) => product * size, 1);
}

export const gather: Infer = (node, facts) => {
  const [data, indices] = node.input.map((name) => facts.dims(name));
  if (!data || !indices) return [];
  const [axis] = positive([intAttribute(node, 'axis') ?? 0], data.length);
  return [[...data.slice(0, axis), ...indices, ...data.slice(axis! + 1)]];
};

export const gatherNd: Infer = (node, facts) => {
  const [data, indices] = node.input.map((name) => facts.dims(name));
  const last = indices?.at(-1);
  const batch = intAttribute(node, 'batch_dims') ?? 0;
  return data && indices && typeof last === 'number' ? [[...indices.slice(0, -1), ...data.slice(batch + last)]] : [];
};

export const transpose: Infer = (node, facts) => {
  const dims = facts.dims(node.input[0]!);
  if (!dims) return [];
  const perm = intsAttribute(node, 'perm') ?? [...dims.keys()].reverse();
  return [perm.map((axis) => dims[axis]!)];
};

export const unsqueeze: Infer = (node, facts) => {
  const dims = facts.dims(node.input[0]!);
  const axes = axesOf(node, facts);
  if (!dims || !axes) return [];
  const rank = dims.length + axes.length;
  const ones = new Set(positive(axes, rank));
  const rest = [...dims];
  return [Array.from({ length: rank }, (_, i) => (ones.has(i) ? 1 : rest.shift()!))];
};

export const squeeze: Infer = (node, facts) => {
  const dims = facts.dims(node.input[0]!);
  const axes = axesOf(node, facts);
  if (!dims) return [];
  if (!axes) {
    const isKnown = !node.input[1] && dims.every((dim) => typeof dim === 'number');
    return isKnown ? [dims.filter((dim) => dim !== 1)] : [];
  }
  const gone = new Set(positive(axes, dims.length));
  return [dims.filter((_, i) => !gone.has(i))];
};

export const flatten: Infer = (node, facts) => {
  const dims = facts.dims(node.input[0]!);
  if (!dims) return [[facts.symbol(), facts.symbol()]];
  const [axis] = positive([intAttribute(node, 'axis') ?? 1], dims.length);
  const product = (sizes: Sizes): Dim => {
    const open = sizes.filter((size) => size !== 1);
    if (open.length < 2) return open[0] ?? 1;
    return open.every((size) => typeof size === 'number') ? productOf(open) : facts.symbol();
  };
  return [[product(dims.slice(0, axis)), product(dims.slice(axis))]];
};

export const concat: Infer = (node, facts) => {
  const all = node.input.map((name) => facts.dims(name));
  const known = all.find((dims) => dims !== null);
  if (!known) return [];
  const [axis] = positive([intAttribute(node, 'axis') ?? 0], known.length);
  const sizes = all.map((dims) => dims?.[axis!]);
  const sum = sizes.every((size) => typeof size === 'number')
    ? (sizes as number[]).reduce((a, b) => a + b, 0)
    : facts.symbol();
  return [known.map((dim, i) => (i === axis ? sum : dim))];
};

export const split: Infer = (node, facts) => {
  const dims = facts.dims(node.input[0]!);
  if (!dims) return [];
  const [axis] = positive([intAttribute(node, 'axis') ?? 0], dims.length);
  const sizes = (node.input[1] ? facts.value(node.input[1]) : null) ?? intsAttribute(node, 'split');
  const whole = dims[axis!];
  const count = node.output.length;
  const even = typeof whole === 'number' && whole % count === 0 && !node.input[1] ? whole / count : null;
  return node.output.map((_, k) => dims.map((dim, i) => (i === axis ? (sizes?.[k] ?? even ?? facts.symbol()) : dim)));
};

/** Only the axes that are cut get another size. */
export const slice: Infer = (node, facts) => {
  const dims = facts.dims(node.input[0]!);
  if (!dims) return [];
  const starts = facts.dims(node.input[1]!)?.[0];
  const axes = node.input[3] ? facts.numbers(node.input[3]) : null;
  const implied = typeof starts === 'number' && !node.input[3] ? [...dims.keys()].slice(0, starts) : null;
  const cut = new Set(positive(axes ?? implied ?? [...dims.keys()], dims.length));
  return [dims.map((dim, i) => (cut.has(i) ? facts.symbol() : dim))];
};

export const expand: Infer = (node, facts) => {
  const dims = facts.dims(node.input[0]!);
  const shape = facts.value(node.input[1]!);
  if (shape) return [broadcast([dims, shape], facts)];
  const length = facts.dims(node.input[1]!)?.[0];
  if (!dims || typeof length !== 'number') return [];
  return [Array.from({ length: Math.max(length, dims.length) }, () => facts.symbol())];
};

export const ofShape: Infer = (node, facts) => {
  const shape = facts.value(node.input[0]!);
  if (shape) return [shape];
  const length = facts.dims(node.input[0]!)?.[0];
  return typeof length === 'number' ? [Array.from({ length }, () => facts.symbol())] : [];
};

export const topK: Infer = (node, facts) => {
  const dims = facts.dims(node.input[0]!);
  if (!dims) return [];
  const [axis] = positive([intAttribute(node, 'axis') ?? -1], dims.length);
  const [k] = facts.value(node.input[1]!) ?? [facts.symbol()];
  const cut = dims.map((dim, i) => (i === axis ? k! : dim));
  return [cut, cut];
};
