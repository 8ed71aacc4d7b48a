import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backward, grad, NNsight, save, sum, Tensor } from 'onnsight';
import { beforeAll, expect, it } from 'vitest';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel } from '../../runtime/onnx/proto.ts';
import { loadEachWay } from '../execution/ways.ts';

/*
 * Tensors that a model computes of weights alone (relative positions, normalised tables): programs make them where they
 * need them. Here e = table + shift, and each of three layers multiplies by it: y = x e³.
 */
const X = [1, -2, 3, 0.5];
const TABLE = [0.5, 1, -1.5, 2];
const SHIFT = [1, 1, 0.5, -1];
const e = TABLE.map((one, i) => one + SHIFT[i]!);

let models: ReadonlyMap<string, NNsight>;

beforeAll(async () => {
  const layers = [0, 1, 2].map((i) => ({
    ...makeNode('Mul', [i === 0 ? 'x' : `h${i - 1}`, 'e'], [i === 2 ? 'y' : `h${i}`]),
    name: `/layers.${i}/Mul`,
  }));
  const made = { ...makeNode('Add', ['norm.table', 'norm.shift'], ['e']), name: '/norm/Add' };
  const info = (name: string) => makeValueInfo(name, 'float32', [2, 2]);
  const weights = [
    makeTensor('norm.table', 'float32', TABLE, [2, 2]),
    makeTensor('norm.shift', 'float32', SHIFT, [2, 2]),
  ];
  const model = makeModel(makeGraph('g', [made, ...layers], [info('x')], [info('y')], weights), 17);
  const path = join(mkdtempSync(join(tmpdir(), 'onnsight-')), 'model.onnx');
  writeFileSync(path, encodeModel(model));
  models = await loadEachWay(() => NNsight.load(path, { device: 'cpu' }));
});

const x = Tensor.from(X, 'float32', [2, 2]);

it('have the gradients of all that is made of them, however the model is cut', async () => {
  for (const [way, model] of models) {
    const [plain, table, both] = await model.trace({ x }, () => {
      const tensor = model.norm.output;
      const [byTensor, byTable] = grad(sum(model.output), [tensor, model.norm.table]);
      const [own] = grad(sum(model.output) + sum(tensor * 10), [tensor]);
      return [save(byTensor!), save(byTable!), save(own!)];
    });
    const wanted = X.map((one, i) => 3 * one * e[i]! ** 2);
    expect([...plain!.data], way).toEqual(wanted);
    expect([...table!.data], way).toEqual(wanted);
    expect([...both!.data], way).toEqual(wanted.map((one) => one + 10));
  }
});

it('have the gradient of what the block makes of them where the model is given another', async () => {
  for (const [way, model] of models) {
    const found = await model.trace({ x }, () => {
      const tensor = model.norm.output;
      model.norm.output = tensor * 2;
      backward(sum(model.output));
      return save(tensor.grad);
    });
    expect([...found.data], way).toEqual(X.map((one, i) => 24 * one * e[i]! ** 2));
  }
});

it('have a gradient that cannot be set, which is an error at the line', async () => {
  for (const [, model] of models) {
    const set = model.trace({ x }, () => {
      backward(sum(model.output));
      model.norm.output.grad *= 0;
      return save(model.norm.table.grad);
    });
    await expect(set).rejects.toThrow(/of-weights\.test\.ts:\d+.*The gradient by this tensor cannot be set/);
  }
});
