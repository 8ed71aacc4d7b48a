import { expect, it } from 'vitest';
import { type SegmentOrNode, schedule } from '../../runtime/partition/schedule.ts';
import { GraphMaker } from '../support/graphs.ts';

const make = new GraphMaker();
const [a, b, c] = [make.op('exp'), make.op('neg'), make.op('abs')];
const [call, second] = [make.call('m'), make.call('m')];

/** Schedules vertices that stand in order, each with what it needs: `0` and `1` for segments, letters for nodes. */
function scheduled(...vertices: readonly (readonly [SegmentOrNode, ...SegmentOrNode[]])[]) {
  const needs = new Map(vertices.map(([vertex, ...others]) => [vertex, others]));
  return schedule([...needs.keys()], (vertex) => needs.get(vertex)!).map((group) =>
    group.kind === 'segment' ? group.segment : group.kind === 'call' ? group.node : group.nodes,
  );
}

it('puts a node between the segment that it reads and the one that reads it', () => {
  expect(scheduled([0], [a, 0], [1, 0, a])).toEqual([0, [a], 1]);
});

it('lets a node run right before the first segment that needs it', () => {
  expect(scheduled([0], [a, 0], [1, 0], [2, 1, a], [3, 2, a])).toEqual([0, 1, [a], 2, 3]);
});

it('lets nodes that only the result needs run at the end, together', () => {
  expect(scheduled([0], [a, 0], [1, 0], [b, 1])).toEqual([0, 1, [a, b]]);
});

it('lets a node run early enough for what a segment needs through other nodes', () => {
  expect(scheduled([0], [a, 0], [b, a], [1, 0, b], [c, a])).toEqual([0, [a, b], 1, [c]]);
});

it('lets the call of a module run by itself, between what it needs and what needs it', () => {
  expect(scheduled([0], [a, 0], [call, a], [b, call], [1, b])).toEqual([0, [a], call, [b], 1]);
});

it('lets nodes that a call has nothing to do with run with those before it', () => {
  expect(scheduled([0], [a, 0], [call, a], [b, call], [c, 0], [1, b, c])).toEqual([0, [a, c], call, [b], 1]);
});

it('lets calls run one after another, independent ones with nothing in between', () => {
  expect(scheduled([0], [call, 0], [second, call], [1, second])).toEqual([0, call, second, 1]);
  expect(scheduled([0], [a, 0], [call, a], [second, a], [1, call, second])).toEqual([0, [a], call, second, 1]);
});

it('keeps the order of segments alone, and of nodes without segments', () => {
  expect(scheduled([0], [1, 0], [2, 1])).toEqual([0, 1, 2]);
  expect(scheduled([a], [b, a])).toEqual([[a, b]]);
});

it('cuts what would be a program of very many nodes into several, in order', () => {
  const nodes = Array.from({ length: 1201 }, () => make.op('neg'));
  const groups = scheduled([0], ...nodes.map((node, i): [SegmentOrNode, SegmentOrNode] => [node, nodes[i - 1] ?? 0]));
  expect(groups.map((group) => (Array.isArray(group) ? group.length : group))).toEqual([0, 500, 500, 201]);
  expect(groups.slice(1).flat()).toEqual(nodes);
});

it('takes a node that needs another 200,000 times', () => {
  const needs = new Map<SegmentOrNode, SegmentOrNode[]>([
    [0, []],
    [a, [0]],
    [b, Array(200_000).fill(a)],
  ]);
  expect(schedule([0, a, b], (vertex) => needs.get(vertex)!).length).toBe(2);
});
