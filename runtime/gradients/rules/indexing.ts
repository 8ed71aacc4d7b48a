import type { DType } from '../../graph/dtypes.ts';
import type { Emitter } from '../emitter.ts';
import type { Application, Rule, Rules } from '../rule.ts';
import { addAtIndices } from './adding.ts';
import { unary } from './elementwise.ts';
import { addAt } from './positions.ts';

/** Zeros like `data` to which the slices of a gradient along an axis are added at the places that `indices` names. */
function addSlices(emit: Emitter, data: string, indices: string, gradient: string, axis: number): string {
  const index = emit.flow(emit.cast(indices, 'int64'), -1);
  const size = emit.size(data, axis);
  const places = fromFront(emit, index, size);
  const count = emit.shape(index);
  if (axis === 0 || axis === -(emit.rank(data) ?? 0)) {
    const width = product(emit, emit.sizes(data, 1));
    const rows = emit.reshape(gradient, emit.join(count, width));
    return emit.reshapeLike(addRows(emit, zerosAtRun(emit, emit.join(size, width), data, index), places, rows), data);
  }
  // The axis in front; the dimensions before it and behind it as one.
  const before = product(emit, emit.sizes(data, 0, axis));
  const behind = axis === -1 ? emit.ints(1) : product(emit, emit.sizes(data, axis + 1));
  const slices = emit.transpose(emit.reshape(gradient, emit.join(before, count, behind)), [1, 0, 2]);
  const width = emit.times(before, behind);
  const zeros = emit.zeros(emit.join(size, width), emit.dtype(data));
  const sum = addRows(emit, zeros, places, emit.reshape(slices, emit.join(count, width)));
  return emit.reshapeLike(emit.transpose(emit.reshape(sum, emit.join(size, before, behind)), [1, 0, 2]), data);
}

/**
 * Adds rows to those of a matrix that a list names. ScatterND would do it by whole rows, but ONNX Runtime's adds what goes
 * to the same row on several threads at once, and loses some of it: it is for rows that are named once.
 */
function addRows(emit: Emitter, matrix: string, places: string, rows: string): string {
  const numbers = emit.facts.numbers(places);
  if (numbers && new Set(numbers).size === numbers.length) {
    return addAtIndices(emit, 'ScatterND', [matrix, emit.unsqueeze(places, 1), rows]);
  }
  const each = emit.node('Expand', [emit.unsqueeze(places, 1), emit.shape(rows)]);
  return addAtIndices(emit, 'ScatterElements', [matrix, each, rows], { axis: { int: 0 } });
}

/** Zeros as many as a table has: if their shape were a constant, ONNX Runtime would keep them, as large as the table, in the session. */
function zerosAtRun(emit: Emitter, shape: string, table: string, index: string): string {
  const first = emit.node('Slice', [index, emit.ints(0), emit.ints(1)]);
  const nothing = emit.times(emit.sum(first, [0]), emit.int(0));
  return emit.zeros(emit.plus(shape, nothing), emit.dtype(table));
}

function fromFront(emit: Emitter, index: string, size: string): string {
  if (emit.facts.numbers(index)?.every((one) => one >= 0)) return index;
  return emit.where(emit.compare('Less', index, 0), emit.plus(index, size), index);
}

/** The product of a list of sizes, as a list of one: 1 for none. */
function product(emit: Emitter, sizes: string): string {
  return emit.node('ReduceProd', [emit.join(emit.ints(1), sizes)], { keepdims: { int: 1 } });
}

const gather = unary((emit, x, _, g, at) => addSlices(emit, x, at.input(1), g, at.int('axis', 0)));

const gatherElements = unary((emit, x, _, g, at) =>
  addAtIndices(emit, 'ScatterElements', [emit.zerosLike(x), at.input(1), g], { axis: { int: at.int('axis', 0) } }),
);

const gatherNd = unary((emit, x, _, g, at) => {
  const batches = at.int('batch_dims', 0);
  const indices = emit.cast(at.input(1), 'int64');
  if (batches === 0) return emit.reshapeLike(addAtPlaces(emit, emit.shape(x), emit.dtype(x), indices, g), x);
  // All batch dimensions as one, whose number stands in front of each index.
  const [batch, count] = [emit.sizes(indices, 0, batches), emit.sizes(indices, batches, -1)].map((sizes) =>
    product(emit, sizes),
  );
  const width = emit.sizes(indices, -1);
  const pairs = emit.reshape(indices, emit.join(batch!, count!, width));
  const numbers = emit.node('Range', [emit.int(0), emit.flow(batch!), emit.int(1)]);
  const rows = emit.node('Expand', [emit.flow(numbers, -1, 1, 1), emit.join(batch!, count!, emit.ints(1))]);
  const places = emit.node('Concat', [rows, pairs], { axis: { int: 2 } });
  return emit.reshapeLike(addAtPlaces(emit, emit.join(batch!, emit.sizes(x, batches)), emit.dtype(x), places, g), x);
});

/** A gradient by the slices that lists of indices name, added up in a matrix that has a row for each place that can be named. */
function addAtPlaces(emit: Emitter, sizes: string, dtype: DType, indices: string, gradient: string): string {
  const count = emit.sizes(indices, -1);
  const named = emit.node('Slice', [sizes, emit.ints(0), count]);
  const behind = product(emit, emit.node('Slice', [sizes, count, emit.ints(2 ** 31)]));
  // What an index counts: so many places as the sizes after its own make.
  const order = emit.node('Range', [emit.int(0), emit.flow(count), emit.int(1)]);
  const isAfter = emit.compare('Less', emit.unsqueeze(order, 1), order);
  const steps = emit.reduce('ReduceProd', emit.where(isAfter, named, emit.ints(1)), [1], false);
  const fromStart = emit.where(emit.compare('Less', indices, 0), emit.plus(indices, named), indices);
  const places = emit.flow(emit.sum(emit.times(fromStart, steps), [-1], false), -1);
  const rows = emit.reshape(gradient, emit.join(emit.shape(places), behind));
  const zeros = emit.zeros(emit.join(product(emit, named), behind), dtype);
  return addRows(emit, zeros, places, rows);
}

/** Whether a scatter adds; otherwise the old elements are lost. */
function isAdding(at: Application): boolean {
  const reduction = at.string('reduction', 'none');
  if (reduction !== 'none' && reduction !== 'add')
    throw at.refuse(`its reduction '${reduction}' has no derivative here`);
  return reduction === 'add';
}

const scatterElements: Rule = (emit, at) => {
  const indices = at.input(1);
  const axis = { axis: { int: at.int('axis', 0) } };
  const zeros = () => emit.zeros(emit.shape(indices), emit.dtype(at.gradient));
  const isKept = isAdding(at);
  return at.each((input, i) => {
    if (i === 2) return emit.sized(emit.node('GatherElements', [at.gradient, indices], axis), input);
    if (isKept) return at.gradient;
    return emit.sized(emit.node('ScatterElements', [at.gradient, indices, zeros()], axis), input);
  });
};

const scatterNd: Rule = (emit, at) => {
  const [, indices, updates] = at.inputs as [string, string, string];
  const isKept = isAdding(at);
  return at.each((input, i) => {
    if (i === 2) return emit.sized(emit.node('GatherND', [at.gradient, indices]), input);
    if (isKept) return at.gradient;
    return emit.sized(emit.node('ScatterND', [at.gradient, indices, emit.zerosLike(updates)]), input);
  });
};

const topK = unary((emit, x, _, g, at) => {
  return emit.node('ScatterElements', [emit.zerosLike(x), at.outputs[1]!, g], { axis: { int: at.int('axis', -1) } });
});

const compress = unary((emit, x, _, g, at) => {
  const places = emit.flow(emit.node('NonZero', [at.input(1)]), -1);
  return at.has('axis') ? addSlices(emit, x, places, g, at.int('axis', 0)) : addAt(emit, x, places, g);
});

/** Rules of operators that read or write elements by indices. */
export const INDEXING: Rules = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  ScatterElements: scatterElements,
  ScatterND: scatterNd,
  TopK: topK,
  Compress: compress,
  Trilu: unary((emit, _, __, g, at) => emit.like(at.node, [g, ...at.inputs.slice(1)])[0]!),
  CumSum: unary((emit, _, __, g, at) =>
    emit.node('CumSum', [g, at.input(1)], {
      exclusive: { int: at.int('exclusive', 0) },
      reverse: { int: 1 - at.int('reverse', 0) },
    }),
  ),
};
