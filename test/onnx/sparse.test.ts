import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Loose, NNsight, save } from 'onnsight';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel, type SparseTensorProto, type TensorProto } from '../../runtime/onnx/proto.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnsight-sparse-'));
afterAll(() => rmSync(folder, { recursive: true }));

const sparse = (values: TensorProto, indices: TensorProto, dims: readonly number[]): SparseTensorProto => ({
  $typeName: 'onnx.SparseTensorProto',
  values,
  indices,
  dims: dims.map(BigInt),
});

/** `/lin` multiplies by a sparse matrix, and `/act` takes what comes of it. */
function write(name: string, weight: SparseTensorProto): string {
  const nodes = [
    makeNode('MatMul', ['x', 'lin.weight'], ['h'], {}, '/lin/MatMul'),
    makeNode('Relu', ['h'], ['y'], {}, '/act/Relu'),
  ];
  const [x, y] = [makeValueInfo('x', 'float32', ['n', 3]), makeValueInfo('y', 'float32', ['n', 2])];
  const graph = { ...makeGraph('sparse', nodes, [x], [y]), sparseInitializer: [weight] };
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, encodeModel(makeModel(graph, 17)));
  return path;
}

const values = (data: readonly number[]) => makeTensor('lin.weight', 'float32', data, [data.length]);
const FORMS = {
  'places in memory': sparse(values([2, -3, 4]), makeTensor('', 'int64', [1, 2, 5], [3]), [3, 2]),
  'a number for each dimension': sparse(
    values([2, -3, 4]),
    makeTensor('', 'int64', [0, 1, 1, 0, 2, 1], [3, 2]),
    [3, 2],
  ),
};

describe.each(Object.entries(FORMS))('a sparse weight with %s', (name, weight) => {
  it('is multiplied by where the model runs cut and changed, and can be read', async () => {
    const path = write(name, weight);
    const session = await InferenceSession.create(path, { executionProviders: ['cpu'] });
    const { y } = await session.run({ x: new OrtTensor('float32', [1, 2, 3], [1, 3]) });
    const model = await NNsight.load<Loose>(path, { device: 'cpu' });
    const found = await model.trace({ x: [[1, 2, 3]] }, () => {
      const before = save(model.lin.output * 1);
      model.lin.output += 1;
      return { before, after: save(model.act.output), weight: save(model.lin.weight) };
    });
    expect(found.before.toArray()).toEqual([[-6, 14]]);
    expect(Array.from(y!.data as Float32Array)).toEqual([0, 14]);
    expect(found.after.toArray()).toEqual([[0, 15]]);
    expect(found.weight.toArray()).toEqual([
      [0, 2],
      [-3, 0],
      [0, 4],
    ]);
  });
});

it('one that cannot be read is an error that names it', async () => {
  const texts = { ...values([1]), dataType: 8 };
  const path = write('texts', sparse(texts, makeTensor('', 'int64', [0], [1]), [3, 2]));
  await expect(NNsight.load(path)).rejects.toThrow(
    /texts\.onnx has a sparse weight, lin\.weight, that cannot be read: there is no name for its element type 8/,
  );
});

it.each<[string, SparseTensorProto]>([
  ['a place outside', sparse(values([2]), makeTensor('', 'int64', [6], [1]), [3, 2])],
  ['a place before the first', sparse(values([2]), makeTensor('', 'int64', [-1], [1]), [3, 2])],
  ['a number outside of its dimension', sparse(values([2]), makeTensor('', 'int64', [0, 3], [1, 2]), [3, 2])],
  ['fewer values than indices', sparse(values([2]), makeTensor('', 'int64', [1, 2], [2]), [3, 2])],
  ['more values than indices', sparse(values([2, 3]), makeTensor('', 'int64', [1], [1]), [3, 2])],
])('ONNX Runtime refuses %s, and so does the error that names it', async (name, weight) => {
  const path = write(name, weight);
  await expect(InferenceSession.create(path, { executionProviders: ['cpu'], logSeverityLevel: 4 })).rejects.toThrow();
  await expect(NNsight.load(path)).rejects.toThrow(/has a sparse weight, lin\.weight, that cannot be read/);
});
