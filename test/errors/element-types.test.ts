import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NNsight, save } from 'onnsight';
import { TensorProto_DataType as T } from 'onnx-buf';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { makeGraph, makeModel, makeNode, makeRawTensor, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel, type NodeProto, type TensorProto, type ValueInfoProto } from '../../runtime/onnx/proto.ts';
import { rejection, thrown } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnsight-types-'));
afterEach(() => vi.unstubAllEnvs());
afterAll(() => rmSync(folder, { recursive: true }));

let made = 0;
/** A model of a linear layer, m.fc, and of what is added to it. */
async function load(
  nodes: readonly NodeProto[],
  outputs: readonly ValueInfoProto[] = [],
  weights: readonly TensorProto[] = [],
  inputs: readonly ValueInfoProto[] = [],
  // biome-ignore lint/suspicious/noExplicitAny: the modules of this model are not known to the type checker.
): Promise<any> {
  const fc = makeNode('MatMul', ['x', 'm.fc.weight'], ['y'], {}, '/m/fc/MatMul');
  const weight = makeTensor('m.fc.weight', 'float32', [1, 2, 3, 4], [2, 2]);
  const graph = makeGraph(
    'g',
    [fc, ...nodes],
    [makeValueInfo('x', 'float32', [-1, 2]), ...inputs],
    [makeValueInfo('y', 'float32', [-1, 2]), ...outputs],
    [weight, ...weights],
  );
  const path = join(folder, `model-${made++}.onnx`);
  writeFileSync(path, encodeModel(makeModel(graph, 21)));
  return NNsight.load(path, { device: 'cpu' });
}

const x = [[1, 2]];
const cast = (from: string, to: number, output: string, name: string) =>
  makeNode('Cast', [from], [output], { to: { int: to } }, `/m/${name}/Cast`);

describe.each<[string, number]>([
  ['bfloat16', T.BFLOAT16],
  ['float8e4m3fn', T.FLOAT8E4M3FN],
  ['int4', T.INT4],
])('one tensor of %s', (name, type) => {
  it('in the middle', async () => {
    const model = await load(
      [cast('y', type, 'h', 'down'), cast('h', T.FLOAT, 'z', 'up')],
      [makeValueInfo('z', 'float32')],
    );
    const { y, doubled } = await model.trace({ x }, () => {
      const y = save(model.m.fc.output);
      model.m.fc.output = model.m.fc.output * 2;
      return { y, doubled: save(model.m.fc.output) };
    });
    expect([y.toArray(), doubled.toArray()]).toEqual([[[7, 10]], [[14, 20]]]);
    const error = await rejection(model.trace({ x }, () => save(model.m.down.output)));
    expect(error.message).toMatch(/element-types\.test\.ts:\d+:\d+ - the tensor at m\.down\.output is /);
    expect(error.message).toContain(`is ${name}, which cannot be read or set`);
  });

  it('as an output', async () => {
    const model = await load([cast('y', type, 'h', 'down')], [makeValueInfo('h', type, [-1, 2])]);
    const y = await model.trace({ x }, () => save(model.outputs.y));
    expect(y.toArray()).toEqual([[7, 10]]);
    const refused = await rejection(model.trace({ x }, () => save(model.outputs.h)));
    expect(refused.message).toMatch(/test\.ts:\d+:\d+ - the model's output h is/);
    // Without a block all that can be read comes back: who reads the rest finds out at that place.
    const all = await model.trace({ x });
    expect(Object.keys(all)).toEqual(['y', 'h']);
    expect(all.y.toArray()).toEqual([[7, 10]]);
    const error = thrown(() => all.h);
    expect(error.message).toMatch(/test\.ts:\d+:\d+ - the model's output h is/);
    expect(error.message).toContain(`is ${name}, which cannot be read or set`);
  });

  it('as the only output', async () => {
    const graph = makeGraph(
      'g',
      [cast('x', type, 'h', 'down')],
      [makeValueInfo('x', 'float32', [-1, 2])],
      [makeValueInfo('h', type, [-1, 2])],
    );
    const path = join(folder, `only-${name}.onnx`);
    writeFileSync(path, encodeModel(makeModel(graph, 21)));
    const model = await NNsight.load(path, { device: 'cpu' });
    expect((await rejection(model.trace({ x }))).message).toMatch(/test\.ts:\d+:\d+ - the model's output h is/);
  });

  it('as an input that nothing else needs', async () => {
    const model = await load(
      [cast('h', T.FLOAT, 'z', 'up')],
      [makeValueInfo('z', 'float32')],
      [],
      [makeValueInfo('h', type, [-1])],
    );
    expect((await model.trace({ x }, () => save(model.m.fc.output))).toArray()).toEqual([[7, 10]]);
    const error = await rejection(model.trace({ x, h: [1] }, () => save(model.m.fc.output)));
    expect(error.message).toMatch(/The input h \(.*\) cannot be given/);
  });
});

it('a large weight of bfloat16', async () => {
  const bytes = new Uint8Array(new Uint16Array(2 * 1024).fill(0x3f80).buffer);
  const weight = { ...makeRawTensor('m.out.weight', 'uint16', bytes, [2, 1024]), dataType: T.BFLOAT16 };
  const up = cast('m.out.weight', T.FLOAT, 'w', 'out');
  const product = makeNode('MatMul', ['y', 'w'], ['z'], {}, '/m/out/MatMul');
  const model = await load([up, product], [makeValueInfo('z', 'float32')], [weight]);
  const z = await model.trace({ x }, () => save(model.m.out.output[0].sum()));
  expect(z.item()).toBe(17 * 1024);
});

describe('what ONNX Runtime would refuse is said by load', () => {
  it.each<[string, NodeProto[], RegExp]>([
    [
      'a circle',
      [makeNode('Add', ['y', 'b'], ['a'], {}, 'one'), makeNode('Relu', ['a'], ['b'])],
      /goes in a circle: its node one \(Add\)/,
    ],
    ['a node that reads itself', [makeNode('Add', ['y', 'a'], ['a'], {}, 'one')], /goes in a circle/],
    [
      'a tensor made twice',
      [makeNode('Relu', ['x'], ['a']), makeNode('Relu', ['x'], ['a'])],
      /makes the tensor a twice/,
    ],
    [
      'a tensor that nothing makes',
      [makeNode('Relu', ['zz'], ['a'], {}, 'one')],
      /nothing that makes the tensor zz, which its node one/,
    ],
  ])('%s', async (_, nodes, says) => {
    const error = await rejection(load(nodes));
    expect(error.name).toBe('ModelError');
    expect(error.message).toMatch(says);
  });

  it.each([0, 99])('an output of the element type %s', async (type) => {
    const error = await rejection(load([makeNode('Relu', ['y'], ['z'])], [makeValueInfo('z', type)]));
    expect(error.name).toBe('ModelError');
    expect(error.message).toContain(`gives z the element type ${type}, which ONNX does not have`);
  });

  it.each([T.FLOAT8E4M3FN, T.STRING, T.INT64])('an output that is declared as another type (%s)', async (type) => {
    // As wide as its dims say: nothing is worked out before the model runs whole.
    const model = await load([makeNode('Relu', ['y'], ['z'])], [makeValueInfo('z', type, [-1, 2])]);
    for (const run of [() => model.trace({ x }), () => model.trace({ x }, () => save(model.m.fc.output))]) {
      const error = await rejection(run());
      expect(error.name).toBe('ModelError');
      expect(error.message).toMatch(/declares its output z as \w+, but what makes it gives float32/);
    }
  });

  it('nodes in another order are right', async () => {
    const model = await load(
      [makeNode('Neg', ['a'], ['z'], {}, '/m/neg/Neg'), makeNode('Relu', ['y'], ['a'])],
      [makeValueInfo('z')],
    );
    expect((await model.trace({ x }, () => save(model.m.neg.output))).toArray()).toEqual([[-7, -10]]);
  });
});

it.each([
  ['of another size', [1, 2]],
  ['of another rank', [-1, 2, 1]],
])('an output that is declared %s is what plain ONNX Runtime gives', async (_, dims) => {
  const concat = makeNode('Concat', ['y', 'y'], ['z'], { axis: { int: 1 } }, '/m/twice/Concat');
  const model = await load([concat], [makeValueInfo('z', 'float32', dims)]);
  const session = await InferenceSession.create(join(folder, `model-${made - 1}.onnx`), { logSeverityLevel: 4 });
  const plain = await session.run({ x: new OrtTensor('float32', [1, 2, 3, 4], [2, 2]) });
  const given = {
    x: [
      [1, 2],
      [3, 4],
    ],
  };
  const { z } = await model.trace(given);
  const { read, doubled, columns } = await model.trace(given, () => {
    const z = model.m.twice.output;
    return { read: save(z), doubled: save(z * 2), columns: save(z[':, 3']) };
  });
  for (const one of [z, read, doubled]) expect(one.dims).toEqual(plain.z!.dims);
  expect([...z.data]).toEqual([...(plain.z!.data as Float32Array)]);
  expect([...read.data]).toEqual([...z.data]);
  expect([...columns.data]).toEqual([z.data[3], z.data[7]]);
});

it('what only ONNX Runtime knows is said by the first error, not laid on the block', async () => {
  // Cut at modules, a block that does not need the bad node runs.
  vi.stubEnv('ONNSIGHT_SEGMENTS', 'layers');
  for (const node of [makeNode('Reluu', ['y'], ['z'], {}, 'one'), makeNode('Relu', ['y'], ['z'], {}, '/m/fc/MatMul')]) {
    const model = await load([node], [makeValueInfo('z', 'float32', [-1, 2])]);
    for (const run of [() => model.trace({ x }), () => model.trace({ x }, () => save(model.m.fc.output * 2))]) {
      const error = await rejection(run());
      expect(error.name).toBe('ModelError');
      expect(error.message).toMatch(
        /model-\d+\.onnx does not run: ONNX Runtime refuses the model itself, .*(Reluu|same node name)/,
      );
    }
  }
});
