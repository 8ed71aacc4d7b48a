import { expect, it } from 'vitest';
import { findModule } from '../../runtime/modules/find.ts';
import { buildTree } from '../../runtime/modules/tree.ts';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import type { NodeProto } from '../../runtime/onnx/proto.ts';
import { modelOf } from '../support/models.ts';

const node = (operator: string, inputs: readonly string[], name: string) =>
  makeNode(operator, inputs, [`${name}_output_0`], {}, name);
const floats = (name: string, dims: readonly number[]) =>
  makeTensor(
    name,
    'float32',
    Array.from({ length: dims.reduce((a, b) => a * b) }, (_, i) => i),
    dims,
  );
const treeOf = (nodes: readonly NodeProto[]) =>
  buildTree(
    modelOf(
      makeModel(
        makeGraph(
          'made',
          nodes,
          [makeValueInfo('x', 'float32', ['n', 2])],
          [makeValueInfo(nodes.at(-1)!.output[0]!, 'float32')],
          [
            floats('/table', [3, 2]),
            floats('onnx::MatMul_1', [2, 2]),
            floats('onnx::MatMul_2', [2, 2]),
            floats('self.proj.bias', [2]),
          ],
        ),
      ),
    ),
  );

/** As TorchScript writes DeBERTa: a linear layer's second call is of a table, the same in every run. */
it('a call of a module on what is the same in every run is a call of it', () => {
  const proj = findModule(
    treeOf([
      node('MatMul', ['x', 'onnx::MatMul_1'], '/self/proj/MatMul'),
      node('Add', ['self.proj.bias', '/self/proj/MatMul_output_0'], '/self/proj/Add'),
      node('MatMul', ['/table', 'onnx::MatMul_2'], '/self/proj_1/MatMul'),
      node('Add', ['self.proj.bias', '/self/proj_1/MatMul_output_0'], '/self/proj_1/Add'),
      node('Transpose', ['/self/proj_1/Add_output_0'], '/self/Transpose'),
      node('MatMul', ['/self/proj/Add_output_0', '/self/Transpose_output_0'], '/self/MatMul'),
    ]),
    'self.proj',
  );
  expect(proj.calls.map(({ outputs }) => outputs)).toEqual([
    ['/self/proj/Add_output_0'],
    ['/self/proj_1/Add_output_0'],
  ]);
});

/** A scripted function takes the size of what is inside of the module, and has no module. */
it('what is read for its size alone, in no module, is not what a module returns', () => {
  const self = findModule(
    treeOf([
      node('MatMul', ['x', 'onnx::MatMul_1'], '/self/proj/MatMul'),
      node('Add', ['self.proj.bias', '/self/proj/MatMul_output_0'], '/self/proj/Add'),
      node('Softmax', ['/self/proj/Add_output_0'], '/self/Softmax'),
      makeNode('Shape', ['/self/proj/Add_output_0'], ['size'], {}, 'Shape_1'),
      makeNode('Cast', ['size'], ['cast'], { to: { int: 1 } }, 'Cast_2'),
      makeNode('ReduceMax', ['cast'], ['most'], {}, 'ReduceMax_3'),
      node('MatMul', ['/self/Softmax_output_0', 'onnx::MatMul_2'], '/head/MatMul'),
      makeNode('Mul', ['/head/MatMul_output_0', 'most'], ['y'], {}, 'Mul_4'),
    ]),
    'self',
  );
  expect(self.calls.map(({ outputs, order }) => [outputs[0], order])).toEqual([['/self/Softmax_output_0', 'sure']]);
});
