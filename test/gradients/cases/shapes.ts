import type { Attributes } from '../../../runtime/onnx/make.ts';
import type { Case, Values } from '../harness.ts';
import { int, ints, normal, scalar } from '../values.ts';
import { oneNode } from './case.ts';

/** A node of a tensor and constants. */
function of(
  name: string,
  x: Values,
  constants: Readonly<Record<string, Values>>,
  attributes: Attributes = {},
  opset = 20,
): Case {
  const [op] = name.split(' ');
  return oneNode(op!, { x }, attributes, { name, opset, ...(Object.keys(constants).length > 0 && { constants }) });
}

const SLICES: readonly Case[] = [17, 20].flatMap((opset) => [
  of(
    `Slice of one axis, ${opset}`,
    normal(4, 5),
    { a: ints([-3]), b: ints([99]), c: ints([1]), d: ints([1]) },
    {},
    opset,
  ),
  of(
    `Slice of two axes, ${opset}`,
    normal(4, 5, 2),
    { a: ints([1, -99]), b: ints([-1, 1]), c: ints([-2, 0]) },
    {},
    opset,
  ),
  of(`Slice of the first axes, ${opset}`, normal(4, 5, 2), { a: ints([1, 2]), b: ints([3, 4]) }, {}, opset),
  of(`Slice of nothing, ${opset}`, normal(4, 5), { a: ints([3]), b: ints([1]), c: ints([0]) }, {}, opset),
  of(
    `Slice in steps, ${opset}`,
    normal(4, 5),
    { a: ints([3, 0]), b: ints([-99, 5]), c: ints([0, 1]), d: ints([-2, 2]) },
    {},
    opset,
  ),
]);

const PADS: readonly Case[] = [
  of('Pad', normal(3, 4), { p: ints([1, 0, -1, 2]), v: scalar(0.5) }),
  of('Pad cuts and pads', normal(2, 3, 4), { p: ints([0, 1, -1, 1, -1, 2]) }, {}, 17),
  oneNode(
    'Pad',
    { x: normal(3, 4), v: scalar(0.5) },
    {},
    { name: 'Pad with a value', constants: { p: ints([1, 0, -1, 2]) }, order: ['x', 'p', 'v'] },
  ),
  of('Pad of axes', normal(2, 3, 4), { p: ints([1, 2, 0, 1]), v: scalar(0.5), axes: ints([-1, 0]) }),
  of('Pad reflects', normal(3, 4), { p: ints([1, 2, 1, 0]) }, { mode: { string: 'reflect' } }),
  of('Pad repeats the edge', normal(3, 4), { p: ints([1, 2, 1, 0]) }, { mode: { string: 'edge' } }, 17),
  of('Pad wraps', normal(3, 4), { p: ints([1, 2, 1, 0]) }, { mode: { string: 'wrap' } }),
  oneNode(
    'Pad',
    { x: normal(3, 4) },
    { mode: { string: 'reflect' } },
    {
      name: 'Pad reflects an axis',
      constants: { p: ints([2, 1]), axes: ints([1]) },
      order: ['x', 'p', '', 'axes'],
    },
  ),
];

/** Gradients by operators that move elements. */
export const SHAPES: readonly Case[] = [
  of('Reshape', normal(2, 6), { s: ints([3, -1]) }),
  of('Reshape of nothing', normal(0, 6), { s: ints([3, 0]) }, { allowzero: { int: 1 } }),
  of('Flatten', normal(2, 3, 4), {}),
  of('Flatten all', normal(2, 3, 4), {}, { axis: { int: 0 } }),
  of('Squeeze', normal(2, 1, 3), { s: ints([1]) }),
  of('Squeeze all', normal(2, 1, 3), {}),
  of('Unsqueeze', normal(2, 3), { s: ints([0, -1]) }),
  of('Transpose', normal(2, 3, 4), {}, { perm: { ints: [2, 0, 1] } }),
  of('Transpose reverses', normal(2, 3, 4), {}),
  of('Expand', normal(3, 1), { s: ints([2, 3, 4]) }),
  of('Expand to less', normal(3, 4), { s: ints([1, 1]) }),
  of('Expand a scalar', normal(), { s: ints([2, 2]) }),
  of('Tile', normal(2, 3), { s: ints([2, 3]) }),
  of('Tile to nothing', normal(2, 3), { s: ints([0, 1]) }),
  oneNode('Concat', { a: normal(2, 3), b: normal(2, 2) }, { axis: { int: 1 } }),
  oneNode('Concat', { a: normal(2, 3), b: normal(2, 0), c: normal(2, 1) }, { axis: { int: -1 } }),
  oneNode(
    'Concat',
    { a: normal(2, 3), b: normal(2, 2), c: normal(2, 1) },
    { axis: { int: -1 } },
    { name: 'Concat of one that is wanted', wanted: ['b'] },
  ),
  oneNode(
    'Concat',
    { a: normal(2, 3), b: normal(2, 2) },
    { axis: { int: 1 } },
    { name: 'Concat of the first that is wanted', wanted: ['a'] },
  ),
  oneNode('Concat', { a: normal(2, 3) }, { axis: { int: 0 } }, { name: 'Concat of the same', order: ['a', 'a'] }),
  oneNode('Split', { x: normal(2, 5) }, { axis: { int: 1 } }, { constants: { s: ints([2, 3]) }, outputs: ['z', 'y'] }),
  oneNode('Split', { x: normal(4, 3) }, {}, { name: 'Split evenly, 17', opset: 17, outputs: ['y', 'z'] }),
  oneNode('Split', { x: normal(5, 3) }, { num_outputs: { int: 2 } }, { name: 'Split evenly, 20', outputs: ['z', 'y'] }),
  ...SLICES,
  ...PADS,
  of('DepthToSpace', normal(2, 8, 2, 3), {}, { blocksize: { int: 2 } }),
  of('DepthToSpace by columns', normal(2, 8, 2, 3), {}, { blocksize: { int: 2 }, mode: { string: 'CRD' } }),
  of('SpaceToDepth', normal(2, 2, 4, 6), {}, { blocksize: { int: 2 } }),
  of('Trilu', normal(2, 4, 4), {}, { upper: { int: 0 } }),
  of('Trilu of a diagonal', normal(2, 4, 3), { k: int(1) }),
];
