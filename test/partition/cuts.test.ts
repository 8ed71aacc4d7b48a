import { beforeEach, describe, expect, it } from 'vitest';
import type { OnnxModel } from '../../runtime/onnx/model.ts';
import { Cuts } from '../../runtime/partition/cuts.ts';
import { stretchesOf } from '../../runtime/partition/stretches.ts';
import { graphModel } from '../support/models.ts';

/**
 * A beginning (node 0), a layer of a chain with a branch (1 to 7), an end (9) that takes the branch, and a constant (8):
 * `a → b → c → d → e → f → y`, and `side` of `b`.
 */
let model: OnnxModel;
let cuts: Cuts;
const STRETCHES = { names: ['the beginning', 'h.0', 'the end'], of: [0, 1, 1, 1, 1, 1, 1, 1, null, 2] };

beforeEach(() => {
  model = graphModel(
    { x: ['n'] },
    [
      ['Relu', ['x'], 'a'],
      ['Exp', ['a'], 'b'],
      ['Neg', ['b'], 'side'],
      ['Relu', ['b'], 'c'],
      ['Relu', ['c'], 'd'],
      ['Relu', ['d'], 'e'],
      ['Relu', ['e'], 'f'],
      ['Add', ['f', 'side'], 'g'],
      ['Neg', ['float_one'], 'minus'],
      ['Add', ['g', 'minus'], 'y'],
    ],
    { float_one: [1] },
  );
  cuts = new Cuts(model, STRETCHES);
});

const labels = () => cuts.nodes.map((_, segment) => cuts.label(segment));

describe('cuts', () => {
  it('make a segment of each stretch at first; constants are in none', () => {
    expect(cuts.nodes).toEqual([[0], [1, 2, 3, 4, 5, 6, 7], [9]]);
    expect(cuts.segmentOf).toEqual([0, 1, 1, 1, 1, 1, 1, 1, null, 2]);
    expect(cuts.keys).toEqual(['0', '1-7', '9']);
    expect(labels()).toEqual(['the beginning', 'h.0', 'the end']);
  });

  it('divide a stretch: what a tensor needs comes first, then the rest', () => {
    cuts.cutAt(['c']);
    expect(cuts.nodes).toEqual([[0], [1, 3], [2, 4, 5, 6, 7], [9]]);
    expect(cuts.keys).toEqual(['0', '1,3', '2,4-7', '9']);
    expect(cuts.segmentOf).toEqual([0, 1, 2, 1, 2, 2, 2, 2, null, 3]);
    expect(labels()).toEqual(['the beginning', 'h.0 (1 of 2)', 'h.0 (2 of 2)', 'the end']);
  });

  it('change nothing at a tensor that crosses a border already, at an input, and at one cut before', () => {
    const before = cuts.version;
    cuts.cutAt(['a', 'g', 'y', 'x', 'minus', 'nothing']);
    expect(cuts.version).toBe(before);
    cuts.cutAt(['c']);
    cuts.cutAt(['c']);
    expect(cuts.version).toBe(before + 1);
  });

  it('know whether a tensor is made and read in one segment', () => {
    expect(['a', 'c', 'd', 'y', 'x'].map((tensor) => cuts.isInside(tensor))).toEqual([false, true, true, false, false]);
    cuts.cutAt(['c']);
    expect(['c', 'd'].map((tensor) => cuts.isInside(tensor))).toEqual([false, true]);
  });

  it('let the one asked for longest ago go when a stretch has more than four', () => {
    for (const tensor of ['b', 'c', 'd', 'e']) cuts.cutAt([tensor]);
    expect(cuts.nodes).toEqual([[0], [1], [3], [4], [5], [2, 6, 7], [9]]);
    cuts.cutAt(['b']);
    cuts.cutAt(['f']);
    // c was asked for before b was asked for again.
    expect(cuts.nodes).toEqual([[0], [1], [3, 4], [5], [6], [2, 7], [9]]);
  });

  it('go when no trace has asked for them in the last hundred runs', () => {
    cuts.cutAt(['c']);
    cuts.cutAt(['d']);
    const { version } = cuts;
    for (let run = 0; run < 100; run++) cuts.ran(run % 2 === 0 ? ['d'] : []);
    expect([cuts.version, cuts.keys]).toEqual([version, ['0', '1,3', '4', '2,5-7', '9']]);
    cuts.ran([]);
    expect([cuts.version, cuts.keys]).toEqual([version + 1, ['0', '1,3-4', '2,5-7', '9']]);
    for (let run = 0; run < 100; run++) cuts.ran([]);
    expect(cuts.keys).toEqual(['0', '1-7', '9']);
  });

  it('are all kept where one trace asks for more', () => {
    cuts.cutAt(['b', 'c', 'd', 'e', 'f']);
    expect(cuts.nodes).toEqual([[0], [1], [3], [4], [5], [6], [2, 7], [9]]);
  });

  it('that are fixed stay for good', () => {
    cuts = new Cuts(model, STRETCHES, ['b', 'y']);
    expect(cuts.nodes).toEqual([[0], [1], [2, 3, 4, 5, 6, 7], [9]]);
    for (const tensor of ['c', 'd', 'e', 'f']) cuts.cutAt([tensor]);
    expect(cuts.nodes).toEqual([[0], [1], [3, 4], [5], [6], [2, 7], [9]]);
  });
});

describe('stretches', () => {
  const layer = (path: string, nodes: number[]) => ({
    path,
    call: { order: 'sure' as const, inputs: [], outputs: [], nodes },
  });

  it('go from layer to layer: what lies between two runs with the second', () => {
    const stretches = stretchesOf(model, [layer('h.0', [1, 2]), layer('h.1', [4, 5])]);
    expect(stretches.names).toEqual(['the beginning', 'h.0', 'h.1', 'the end']);
    // 3 lies between the layers, 6 and 7 after the last; 8 makes a constant.
    expect(stretches.of).toEqual([0, 1, 1, 2, 2, 2, 3, 3, null, 3]);
  });

  it('end with the end, where the rest of the model uses the last layer before that layer goes on', () => {
    // The layer's own node 2 reads what comes behind node 0 of the layer: so does the end, which reads node 2.
    const uses = graphModel({ x: ['n'] }, [
      ['Relu', ['x'], 'a'],
      ['Exp', ['a'], 'b'],
      ['Neg', ['b'], 'c'],
      ['Relu', ['c'], 'd'],
      ['Relu', ['d'], 'y'],
    ]);
    const { names, of } = stretchesOf(uses, [layer('h.0', [1, 3])]);
    expect(names).toEqual(['the beginning', 'h.0', 'the end']);
    expect(of).toEqual([0, 1, 2, 2, 2]);
    expect(() => new Cuts(uses, { names, of })).not.toThrow();
  });
});
