import type { Attributes } from '../../../runtime/onnx/make.ts';
import type { Case, Values } from '../harness.ts';
import { bools, distinct, int, ints, normal } from '../values.ts';
import { oneNode } from './case.ts';

const INDICES = ints([0, 2, 2, -1], [2, 2]);

function of(name: string, x: Values, constants: Readonly<Record<string, Values>>, attributes: Attributes = {}): Case {
  return oneNode(name.split(' ')[0]!, { x }, attributes, { name, constants });
}

/** A scatter of updates into a tensor. */
function scatter(op: string, x: Values, i: Values, u: Values, attributes: Attributes = {}, opset = 20): Case {
  return oneNode(op, { x, u }, attributes, { constants: { i }, order: ['x', 'i', 'u'], opset });
}

const ADD = { reduction: { string: 'add' } };

/** Gradients by operators that read or write by indices. */
export const INDEXING: readonly Case[] = [
  of('Gather', normal(4, 3), { i: INDICES }),
  of('Gather axis 1', normal(4, 3, 2), { i: INDICES }, { axis: { int: 1 } }),
  of('Gather the last axis', normal(2, 2, 3), { i: INDICES }, { axis: { int: -1 } }),
  of('Gather the last axis, counted from the first', normal(2, 3), { i: INDICES }, { axis: { int: 1 } }),
  of('Gather the first axis, counted from the last', normal(3, 2), { i: INDICES }, { axis: { int: -2 } }),
  of('Gather a scalar', normal(4, 3, 2), { i: int(-1) }, { axis: { int: 1 } }),
  of('Gather a row', normal(4, 3), { i: int(1) }),
  of('Gather of a vector', normal(4), { i: ints([1, 1, 0]) }),
  of('Gather an element', normal(4), { i: int(2) }),
  of('Gather nothing', normal(4, 3), { i: ints([]) }),
  of('Gather by int32', normal(4, 3), { i: { ...ints([1, -1]), dtype: 'int32' } }),
  of('GatherElements', normal(2, 3), { i: ints([0, 0, 2, 1, 1, -1, 1, 0], [2, 4]) }, { axis: { int: 1 } }),
  of('GatherND', normal(3, 4, 2), { i: ints([0, 1, 2, -1, 0, 1], [3, 2]) }),
  of('GatherND of rows', normal(3, 4), { i: ints([0, 2, 2], [3, 1]) }),
  of('GatherND of one batch', normal(2, 3, 4), { i: ints([1, 0, 1, 2], [2, 2, 1]) }, { batch_dims: { int: 1 } }),
  of('GatherND of two batches', normal(2, 2, 3), { i: ints([1, 0, 1, 2], [2, 2, 1]) }, { batch_dims: { int: 2 } }),
  scatter('ScatterElements', normal(2, 4), ints([0, 2, 1, -1], [2, 2]), normal(2, 2), { axis: { int: 1 } }),
  scatter('ScatterElements', normal(2, 4), ints([0, 0, 1, 3], [2, 2]), normal(2, 2), { axis: { int: -1 }, ...ADD }),
  scatter('ScatterElements', normal(3, 2), ints([2, 0], [1, 2]), normal(1, 2), {}, 17),
  scatter('ScatterND', normal(4, 3), ints([0, 2], [2, 1]), normal(2, 3)),
  scatter('ScatterND', normal(4, 3), ints([2, 2], [2, 1]), normal(2, 3), ADD, 17),
  scatter('ScatterND', normal(4, 3), ints([2, 1, 0, 0], [2, 2]), normal(2)),
  oneNode('TopK', { x: distinct(3, 6) }, {}, { constants: { k: ints([2]) }, outputs: ['y', 'i'] }),
  oneNode(
    'TopK',
    { x: distinct(4, 2) },
    { axis: { int: 0 }, largest: { int: 0 } },
    { constants: { k: ints([3]) }, outputs: ['y', 'i'] },
  ),
  of('CumSum', normal(2, 4), { k: int(1) }),
  of('CumSum backwards', normal(2, 4), { k: int(-2) }, { exclusive: { int: 1 }, reverse: { int: 1 } }),
  of('Compress', normal(2, 4), { m: bools([true, false, true]) }, { axis: { int: 1 } }),
  of('Compress of rows', normal(3, 4), { m: bools([true, false, true]) }, { axis: { int: 0 } }),
  of('Compress of all', normal(2, 4), { m: bools([true, false, true, false, true]) }),
];
