import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Loose, NNsight, save } from 'onnsight';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel, type NodeProto, type TensorProto, type ValueInfoProto } from '../../runtime/onnx/proto.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnsight-nodes-'));
afterAll(() => rmSync(folder, { recursive: true }));

const x = [
  [1, 2, 3],
  [4, 5, 6],
];

interface Case {
  readonly name: string;
  readonly inputs: readonly ValueInfoProto[];
  readonly nodes: readonly NodeProto[];
  readonly constants?: readonly TensorProto[];
}

/** A model of some nodes; `y` comes out of them. */
function write({ name, inputs, nodes, constants = [] }: Case): string {
  const path = join(folder, `${name}.onnx`);
  const outputs = [makeValueInfo('y', 'float32')];
  writeFileSync(path, encodeModel(makeModel(makeGraph(name, nodes, inputs, outputs, constants), 17)));
  return path;
}

/** What plain ONNX Runtime gives for `y`. */
async function plain(
  path: string,
  feeds: Record<string, Tensor>,
): Promise<{ dims: readonly number[]; data: number[] }> {
  const { y } = await (await InferenceSession.create(path)).run(feeds);
  return { dims: y!.dims, data: Array.from(y!.data as Float32Array) };
}

const given = () => new Tensor('float32', x.flat(), [2, 3]);

/** An If whose sides give tensors of as many dimensions, or not. */
function branches(name: string, otherwise: NodeProto): Case {
  const side = (node: NodeProto) => ({ graph: makeGraph('side', [node], [], [makeValueInfo('out', 'float32')]) });
  return {
    name,
    inputs: [makeValueInfo('x', 'float32', ['n', 3]), makeValueInfo('c', 'bool', [])],
    nodes: [
      makeNode(
        'If',
        ['c'],
        ['chosen'],
        { then_branch: side(makeNode('Add', ['x', 'x'], ['out'])), else_branch: side(otherwise) },
        '/If',
      ),
      makeNode('Abs', ['chosen'], ['abs'], {}, '/Abs'),
      makeNode('Neg', ['abs'], ['y'], {}, '/Neg'),
    ],
    constants: otherwise.opType === 'Unsqueeze' ? [makeTensor('front', 'int64', [0], [1])] : [],
  };
}

describe.each([true, false])('an If node of the model whose condition is %s', (c) => {
  const cases = { alike: makeNode('Neg', ['x'], ['out']), deeper: makeNode('Unsqueeze', ['x', 'front'], ['out']) };
  it.each(Object.entries(cases))('gives what the side gives that runs: sides of ranks %s', async (name, otherwise) => {
    const path = write(branches(`if-${name}-${c}`, otherwise));
    const expected = await plain(path, { x: given(), c: new Tensor('bool', [c], []) });
    const model = await NNsight.load<Loose>(path, { device: 'cpu' });
    const found = await model.trace({ x, c }, () => {
      const chosen = model.ops.If.output;
      return {
        y: save(model.output),
        sum: save(chosen.sum(0)),
        last: save(chosen.mean(-1)),
        after: save(model.ops.Abs.output.sum(0)),
      };
    });
    expect(found.y.dims).toEqual(expected.dims);
    expect(Array.from(found.y.data)).toEqual(expected.data);
    const isDeeper = !c && name === 'deeper';
    expect(found.sum.dims).toEqual(isDeeper ? [2, 3] : [3]);
    expect(found.last.dims).toEqual(isDeeper ? [1, 2] : [2]);
    const factor = c ? 2 : name === 'alike' ? -1 : 1;
    expect(Array.from(found.sum.data)).toEqual((isDeeper ? x.flat() : [5, 7, 9]).map((value) => value * factor));
    expect(Array.from(found.after.data)).toEqual(Array.from(found.sum.data, Math.abs));
  });

  it('can be set', async () => {
    const path = write(branches(`if-set-${c}`, cases.alike));
    const expected = await plain(path, { x: given(), c: new Tensor('bool', [c], []) });
    const model = await NNsight.load<Loose>(path, { device: 'cpu' });
    const found = await model.trace({ x, c }, () => {
      model.ops.If.output[':, 0'] *= 10;
      return save(model.output);
    });
    expect(Array.from(found.data)).toEqual(expected.data.map((value, i) => (i % 3 === 0 ? value * 10 : value)));
  });
});

describe('a Scan node of the model', () => {
  const sums: Case = {
    name: 'scan',
    inputs: [makeValueInfo('x', 'float32', ['n', 3])],
    nodes: [
      makeNode(
        'Scan',
        ['zeros', 'x'],
        ['total', 'sums'],
        {
          num_scan_inputs: { int: 1 },
          body: {
            graph: makeGraph(
              'body',
              [makeNode('Add', ['state', 'row'], ['next']), makeNode('Identity', ['next'], ['out'])],
              [makeValueInfo('state', 'float32'), makeValueInfo('row', 'float32')],
              [makeValueInfo('next', 'float32'), makeValueInfo('out', 'float32')],
            ),
          },
        },
        '/Scan',
      ),
      makeNode('Mul', ['sums', 'total'], ['product'], {}, '/Mul'),
      makeNode('Neg', ['product'], ['y'], {}, '/Neg'),
    ],
    constants: [makeTensor('zeros', 'float32', [0, 0, 0], [3])],
  };

  it('gives its states and what it stacks with their dimensions', async () => {
    const path = write(sums);
    const expected = await plain(path, { x: given() });
    const model = await NNsight.load<Loose>(path, { device: 'cpu' });
    const found = await model.trace({ x }, () => {
      const [total, stacked] = model.ops.Scan.outputs;
      return {
        y: save(model.output),
        total: save(total.sum(0)),
        columns: save(stacked.sum(0)),
        rows: save(stacked.mean(-1)),
        last: save(stacked[-1]),
      };
    });
    expect(found.y.dims).toEqual(expected.dims);
    expect(Array.from(found.y.data)).toEqual(expected.data);
    expect(found.total.item()).toBe(21);
    expect(found.columns.toArray()).toEqual([6, 9, 12]);
    expect(found.rows.toArray()).toEqual([2, 7]);
    expect(found.last.toArray()).toEqual([5, 7, 9]);
  });

  it('can be set', async () => {
    const model = await NNsight.load<Loose>(write({ ...sums, name: 'scan-set' }), { device: 'cpu' });
    const found = await model.trace({ x }, () => {
      model.ops.Scan.outputs[1][0] = 1;
      return save(model.output);
    });
    expect(found.toArray()).toEqual([
      [-5, -7, -9],
      [-25, -49, -81],
    ]);
  });
});
