import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Loose, NNsight, save } from 'onnsight';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, expect, it } from 'vitest';
import { makeGraph, makeModel, makeNode, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel } from '../../runtime/onnx/proto.ts';

/* PyTorch before 1.13 numbers all nodes of a file, whatever their operators: its `Relu_1` is the first one. */

const folder = mkdtempSync(join(tmpdir(), 'onnsight-'));
afterAll(() => rmSync(folder, { recursive: true }));

const nodes = [
  makeNode('Neg', ['x'], ['a'], {}, 'Neg_0'),
  makeNode('Relu', ['a'], ['b'], {}, 'Relu_1'),
  makeNode('Add', ['x', 'b'], ['c'], {}, 'Add_2'),
  makeNode('Relu', ['c'], ['d'], {}, 'Relu_3'),
  makeNode('Softmax', ['d'], ['e'], { axis: { int: 1 } }, 'Softmax_4'),
  makeNode('Relu', ['e'], ['y'], {}, ''),
];
const info = (name: string) => makeValueInfo(name, 'float32', [1, 2, 2]);
const write = (name: string, all: typeof nodes) => {
  const path = join(folder, name);
  writeFileSync(path, encodeModel(makeModel(makeGraph('', all, [info('x')], [info('y')]), 11)));
  return path;
};
const x = [-1, 2, 0.5, 3];

it('operations of a file that numbers its nodes have its names where a count would mean another one', async () => {
  const model = await NNsight.load<Loose>(write('numbered.onnx', nodes), { device: 'cpu' });
  expect(Object.keys(model.ops)).toEqual(['Neg_0', 'Relu_1', 'Add_2', 'Relu_3', 'Softmax_4', 'Relu']);
  const { first, second } = await model.trace({ x: [[x.slice(0, 2), x.slice(2)]] }, () => ({
    first: save(model.ops.Relu_1!.output),
    second: save(model.ops.Relu_3!.output),
  }));
  expect([...first.data]).toEqual([1, 0, 0, 0]);
  expect([...second.data]).toEqual([0, 2, 0.5, 3]);
  await expect(model.trace({ x: [[x.slice(0, 2), x.slice(2)]] }, () => save(model.ops.Neg!.output))).rejects.toThrow(
    /no operation 'Neg'; it has Neg_0, Relu_1, Add_2, Softmax_4/,
  );
});

it('others are counted', async () => {
  const model = await NNsight.load<Loose>(
    write('counted.onnx', [makeNode('Softmax', ['x'], ['e'], {}, 'Softmax_0'), nodes.at(-1)!]),
    { device: 'cpu' },
  );
  expect(Object.keys(model.ops)).toEqual(['Softmax', 'Relu']);
});

it('a softmax over all dimensions that follow is read as the file has it', async () => {
  const path = write('softmax.onnx', [
    makeNode('Softmax', ['x'], ['s'], { axis: { int: 1 } }, 's'),
    makeNode('Relu', ['s'], ['y']),
  ]);
  const model = await NNsight.load<Loose>(path, { device: 'cpu' });
  const session = await InferenceSession.create(path);
  const { y } = await session.run({ x: new Tensor('float32', x, [1, 2, 2]) });
  const { given, made, changed } = await model.trace({ x: [[x.slice(0, 2), x.slice(2)]] }, () => {
    const { Softmax } = model.ops;
    const [given, made] = [save(Softmax!.input), save(Softmax!.output.clone())];
    Softmax!.output['0, 1'] *= 2;
    return { given, made, changed: save(model.output) };
  });
  const whole = [...(y!.data as Float32Array)];
  expect([given.dims, [...given.data]]).toEqual([[1, 2, 2], x]);
  expect([made.dims, [...made.data]]).toEqual([[1, 2, 2], whole]);
  expect([...changed.data]).toEqual([whole[0], whole[1], whole[2]! * 2, whole[3]! * 2]);
  expect(Object.keys(model.ops)).toEqual(['Softmax', 'Relu']);
});
