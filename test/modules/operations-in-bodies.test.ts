import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Loose, NNsight, save } from 'onnsight';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel, type GraphProto, type NodeProto } from '../../runtime/onnx/proto.ts';

/*
 * A model of no modules: a conditional whose branches have a loop and a conditional of their own, which has a loop. What is
 * read there is what plain ONNX Runtime gives of the same nodes in a row.
 */
const folder = mkdtempSync(join(tmpdir(), 'onnsight-bodies-'));
afterAll(() => rmSync(folder, { recursive: true }));

const X = [-1.5, 0.25, 2];
const info = (name: string, dims: readonly number[] = [3]) => makeValueInfo(name, 'float32', dims);
const graph = (nodes: readonly NodeProto[], outputs: readonly string[]): { graph: GraphProto } => ({
  graph: makeGraph(
    'body',
    nodes,
    [],
    outputs.map((name) => info(name)),
  ),
});
const conditional = (
  condition: string,
  then: ReturnType<typeof graph>,
  otherwise: ReturnType<typeof graph>,
  out: string[],
) => makeNode('If', [condition], out, { then_branch: then, else_branch: otherwise });
/** Three iterations, whose states are rows of its second output. */
const loop = (start: string, out: readonly [string, string]) =>
  makeNode('Loop', ['three', '', start], out, {
    body: {
      graph: makeGraph(
        'iteration',
        [
          makeNode('Identity', ['goes'], ['goes_on']),
          makeNode('Sin', ['state'], ['waved']),
          makeNode('Add', ['waved', 'x'], ['next']),
          makeNode('Identity', ['next'], ['row']),
        ],
        [makeValueInfo('i', 'int64', []), makeValueInfo('goes', 'bool', []), info('state')],
        [makeValueInfo('goes_on', 'bool', []), info('next'), info('row')],
      ),
    },
  });

let model: Loose;
const inputs = (a: boolean, b: boolean) => ({ x: X, a: [a], b: [b] });

beforeAll(async () => {
  const deepest = graph([makeNode('Exp', ['early'], ['grown']), loop('grown', ['deep', 'deep_rows'])], ['deep']);
  const other = graph([makeNode('Neg', ['early'], ['turned'])], ['turned']);
  const then = graph([makeNode('Cos', ['x'], ['early']), conditional('b', deepest, other, ['inner'])], ['inner']);
  const otherwise = graph([loop('x', ['last', 'rows']), makeNode('Tanh', ['last'], ['flat'])], ['flat']);
  const nodes = [conditional('a', then, otherwise, ['chosen']), makeNode('Abs', ['chosen'], ['y'])];
  const given = [info('x'), makeValueInfo('a', 'bool', [1]), makeValueInfo('b', 'bool', [1])];
  const main = makeGraph('main', nodes, given, [info('y')], [makeTensor('three', 'int64', [3], [])]);
  writeFileSync(join(folder, 'bodies.onnx'), encodeModel(makeModel(main, 17)));
  model = await NNsight.load<Loose>(join(folder, 'bodies.onnx'), { device: 'cpu' });
});

/** What plain ONNX Runtime gives of nodes in a row. */
async function plain(nodes: readonly NodeProto[], asked: readonly string[]): Promise<number[][]> {
  const main = makeGraph(
    'row',
    nodes,
    [info('x')],
    asked.map((name) => makeValueInfo(name, 'float32')),
  );
  const session = await InferenceSession.create(encodeModel(makeModel(main, 17)));
  const found = await session.run({ x: new OrtTensor('float32', Float32Array.from(X), [3]) });
  return asked.map((name) => [...(found[name]!.data as Float32Array)]);
}

const waves = (start: string) =>
  [0, 1, 2].flatMap((i) => [
    makeNode('Sin', [i === 0 ? start : `next${i - 1}`], [`waved${i}`]),
    makeNode('Add', [`waved${i}`, 'x'], [`next${i}`]),
  ]);

test('operations two bodies deep are read in the branch that runs, and in each iteration of a loop there', async () => {
  const wanted = await plain(
    [makeNode('Cos', ['x'], ['early']), makeNode('Exp', ['early'], ['grown']), ...waves('grown')],
    ['early', 'grown', 'waved0', 'next0', 'waved1', 'next1', 'waved2', 'next2'],
  );
  const { ops } = model;
  const found = await model.trace(inputs(true, true), () => [
    ...[ops.Cos, ops.Exp, ops.Sin, ops.Add, ops.Sin_1, ops.Add_1, ops.Sin_2, ops.Add_2].map((one) => save(one.output)),
    save(model.output),
  ]);
  expect(found.slice(0, -1).map(({ data }: { data: Float32Array }) => [...data])).toEqual(wanted);
  expect([...found.at(-1).data]).toEqual(wanted.at(-1)!.map(Math.abs));
});

test('a conditional and a loop whose bodies are read still give what they give in the file', async () => {
  const nodes = [makeNode('Cos', ['x'], ['early']), makeNode('Exp', ['early'], ['grown']), ...waves('grown')];
  const rows = await plain(nodes, ['next0', 'next1', 'next2']);
  const { ops } = model;
  const [last, collected, chosen, wave] = await model.trace(inputs(true, true), () =>
    [ops.Loop.outputs[0], ops.Loop.outputs[1], ops.If.output, ops.Sin_1.output].map((one) => save(one)),
  );
  expect([...last.data]).toEqual(rows[2]);
  expect(collected.dims).toEqual([3, 3]);
  expect([...collected.data]).toEqual(rows.flat());
  expect([...chosen.data]).toEqual(rows[2]);
  expect(wave.dims).toEqual([3]);
});

test('what is set there goes on from there', async () => {
  const [wanted] = await plain(
    [
      makeNode('Cos', ['x'], ['early']),
      makeNode('Add', ['early', 'early'], ['twice']),
      makeNode('Neg', ['twice'], ['y']),
    ],
    ['y'],
  );
  const found = await model.trace(inputs(true, false), () => {
    model.ops.Cos.output *= 2;
    return save(model.ops.Neg.output);
  });
  expect([...found.data]).toEqual(wanted);
});

test('of a branch that does not run nothing is saved, and a loop there has other iterations', async () => {
  const rows = await plain(waves('x'), ['next2']);
  const { ops } = model;
  const [cosine, flat, last] = await model.trace(inputs(false, true), () =>
    [ops.Cos.output, ops.Tanh.input, ops.Loop_1.outputs[0]].map((one) => save(one)),
  );
  expect(cosine).toBeUndefined();
  expect([...flat.data]).toEqual(rows[0]);
  expect([...last.data]).toEqual(rows[0]);
});
