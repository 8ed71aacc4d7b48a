import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Loose, NNsight, norm, save } from 'onnsight';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel, type NodeProto } from '../../runtime/onnx/proto.ts';
import type { Traced } from '../../runtime/types/tensor.ts';

/*
 * Loops, scans and conditionals of the model itself, whose outputs have no type in the file: what a block makes of them and
 * of what follows them. The values of the tensors themselves are onnxruntime's, run plainly.
 */
const folder = mkdtempSync(join(tmpdir(), 'onnsight-bodies-'));
afterAll(() => rmSync(folder, { recursive: true }));

const x = [
  [1, -2, 3],
  [4, 5, -6],
];

const untyped = (names: readonly string[], dtype: 'float32' | 'bool' = 'float32') =>
  names.map((name) => makeValueInfo(name, dtype));

/** Three iterations: what is carried is doubled, and the iteration added; each gives the sums of its rows. */
const loop = makeNode('Loop', ['three', '', 'front'], ['last', 'all'], {
  body: {
    graph: makeGraph(
      'body',
      [
        makeNode('Identity', ['go'], ['still']),
        makeNode('Cast', ['i'], ['number'], { to: { int: 1 } }),
        makeNode('Add', ['state', 'state'], ['double']),
        makeNode('Add', ['double', 'number'], ['next']),
        makeNode('ReduceSum', ['next', 'one'], ['row'], { keepdims: { int: 0 } }),
      ],
      [makeValueInfo('i', 'int64', []), makeValueInfo('go', 'bool', []), ...untyped(['state'])],
      [...untyped(['still'], 'bool'), ...untyped(['next', 'row'])],
    ),
  },
});

/** The sums of the rows so far. */
const scan = makeNode('Scan', ['zeros', 'front'], ['last', 'all'], {
  body: {
    graph: makeGraph(
      'body',
      [makeNode('Add', ['state', 'row'], ['next']), makeNode('Identity', ['next'], ['so_far'])],
      untyped(['state', 'row']),
      untyped(['next', 'so_far']),
    ),
  },
  num_scan_inputs: { int: 1 },
});

const branch = (op: string, output: string) => ({
  graph: makeGraph(op, [makeNode(op, ['front', 'number_two'], [output])], [], untyped([output])),
});

/** Twice the input where its sum is above 0. */
const conditional = makeNode('If', ['positive'], ['last'], {
  then_branch: branch('Mul', 'product'),
  else_branch: branch('Sub', 'difference'),
});

const FILES = { Loop: [loop], Scan: [scan], If: [conditional] } satisfies Record<string, NodeProto[]>;

async function modelOf(op: keyof typeof FILES) {
  const outputs = op === 'If' ? ['last', 'root'] : ['last', 'all', 'root'];
  const nodes = [
    makeNode('Identity', ['x'], ['front'], {}, '/Identity'),
    makeNode('ReduceSum', ['x'], ['sum'], { keepdims: { int: 0 } }, '/ReduceSum'),
    makeNode('Greater', ['sum', 'number_zero'], ['positive'], {}, '/Greater'),
    ...FILES[op].map((node) => ({ ...node, name: `/${op}` })),
    makeNode('Abs', ['last'], ['size'], {}, '/Abs'),
    makeNode('Sqrt', ['size'], ['root'], {}, '/Sqrt'),
  ];
  const constants = [
    makeTensor('three', 'int64', [3], []),
    makeTensor('one', 'int64', [1], [1]),
    makeTensor('zeros', 'float32', [0, 0, 0], [3]),
    makeTensor('number_zero', 'float32', [0], []),
    makeTensor('number_two', 'float32', [2], []),
  ];
  const graph = makeGraph(op, nodes, [makeValueInfo('x', 'float32', ['rows', 3])], untyped(outputs), constants);
  const path = join(folder, `${op}.onnx`);
  writeFileSync(path, encodeModel(makeModel(graph, 17)));
  const session = await InferenceSession.create(path, { logSeverityLevel: 3 });
  const plainly = async (given: readonly number[][]) => {
    const tensor = new OrtTensor('float32', Float32Array.from(given.flat()), [given.length, 3]);
    const found = await session.run({ x: tensor });
    return Object.fromEntries(
      Object.entries(found).map(([name, { dims, data }]) => [name, { dims, data: Array.from(data as Float32Array) }]),
    );
  };
  return { model: await NNsight.load<Loose>(path, { device: 'cpu' }), plainly };
}

interface Plain {
  readonly dims: readonly number[];
  readonly data: readonly number[];
}
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
/** The rows of a matrix. */
const rowsOf = ({ dims: [count, size], data }: Plain) =>
  Array.from({ length: count! }, (_, i) => data.slice(i * size!, (i + 1) * size!));

/** What a block makes of a matrix. */
function made(tensor: Traced) {
  'use trace';
  let best = -1e6;
  for (const row of tensor) if (row.sum() > best) best = row.sum();
  return {
    itself: save(tensor),
    columns: save(tensor.sum(0)),
    means: save(tensor.mean(-1)),
    second: save(tensor[1]),
    corner: save(tensor['0, -1']),
    norm: save(norm(tensor)),
    flat: save(tensor.reshape(-1)),
    best: save(best),
  };
}

function wantedOf(plain: Plain): Record<string, readonly number[]> {
  const rows = rowsOf(plain);
  return {
    itself: plain.data,
    columns: rows[0]!.map((_, j) => sum(rows.map((row) => row[j]!))),
    means: rows.map((row) => sum(row) / row.length),
    second: rows[1]!,
    corner: [rows[0]!.at(-1)!],
    norm: [Math.hypot(...plain.data)],
    flat: plain.data,
    best: [Math.max(...rows.map(sum))],
  };
}

function expectAll(
  found: Record<string, { data: ArrayLike<number> }>,
  wanted: Record<string, readonly number[]>,
): void {
  for (const [name, numbers] of Object.entries(wanted)) {
    const data = Array.from(found[name]!.data, Number);
    expect(data, name).toHaveLength(numbers.length);
    for (const [i, one] of data.entries()) expect(one, `${name} ${i}`).toBeCloseTo(numbers[i]!, 3);
  }
}

// The last state of the scan is one row.
describe.each([
  ['Loop', ['last', 'all', 'root']],
  ['Scan', ['all']],
  ['If', ['last', 'root']],
] as const)('%s of the model', (op, names) => {
  const opened = modelOf(op);

  it.each(names)('what a block does with a matrix: %s', async (name) => {
    const { model, plainly } = await opened;
    const found = await model.trace({ x }, () =>
      made(name === 'root' ? model.ops.Sqrt.output : model.ops[op].outputs[name === 'all' ? 1 : 0]),
    );
    expectAll(found, wantedOf((await plainly(x))[name]!));
  });

  it('is changed: what follows it is computed from that', async () => {
    const { model, plainly } = await opened;
    const { last } = await plainly(x);
    const root = await model.trace({ x }, () => {
      const tensor = model.ops[op].outputs[0];
      if (tensor.sum() > -1e6) tensor['...'] = tensor * 4;
      return save(model.ops.Sqrt.output);
    });
    expectAll({ root }, { root: last!.data.map((one) => Math.sqrt(Math.abs(one * 4))) });
  });

  it('takes what is set before it', async () => {
    const { model, plainly } = await opened;
    const { root } = await plainly(x.map((row) => row.map((one) => one * -3)));
    const found = await model.trace({ x }, () => {
      model.input *= -3;
      return save(model.ops.Sqrt.output);
    });
    expectAll({ found }, { found: root!.data });
  });
});
