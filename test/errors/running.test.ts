import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gather, type Loose, NNsight, save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { CONTRIB } from '../../runtime/onnx/domains.ts';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { changedNode, encodeModel } from '../../runtime/onnx/proto.ts';
import { clean, lm, marked } from './support.ts';

const { traceFails } = marked(import.meta.url);

/** Shapes and indices that only the run can tell: no bare message of ONNX Runtime. */
describe('what the run finds', () => {
  it('a module called on too many features', () =>
    traceFails(
      lm.trace(clean, () => {
        const logits = lm.lm_head.output;
        return save(lm.transformer.h[0].mlp(logits)); // @features
      }),
      'features',
      /could not run.*a tensor of 189 features meets weights of dims \[128, 512\]\. Give a value with as many features/,
    ));

  it('a module called on what its weights cannot multiply', () =>
    traceFails(
      lm.trace(clean, () => {
        const logits = lm.lm_head.output;
        return save(lm.lm_head(logits)); // @product
      }),
      'product',
      /sizes of a matrix multiplication do not fit/,
    ));

  it('a module called on floats where it takes ids', () =>
    traceFails(
      lm.trace(clean, () => {
        const halves = lm.transformer.h[0].output * 0.5;
        return save(lm.transformer.wte(halves)); // @floats
      }),
      'floats',
      /transformer\.wte takes int64 values and is called on float32.*to\('int64'\)/,
    ));

  it('a module called on an id that it has no row for', () =>
    traceFails(
      lm.trace(clean, () => {
        const ids = lm.transformer.wte.input * 1000;
        return save(lm.transformer.wte(ids)); // @row
      }),
      'row',
      /the index \d+ is out of range: it has 189 rows, so indices run from 0 to 188/,
    ));

  it('an id that is set and has no row', () =>
    traceFails(
      lm.trace(clean, () => {
        const ids = lm.transformer.wte.input;
        lm.transformer.wte.input = ids + 500; // @set id
        return save(lm.lm_head.output);
      }),
      'set id',
      /out of range of transformer\.wte\.weight.*node '\/transformer\/wte\/Gather'.*Look at what the block sets: transformer\.wte\.input/,
    ));

  it('an index that is computed', () =>
    traceFails(
      lm.trace(clean, () => {
        const top = lm.lm_head.output['0, -1'].argmax() + 100;
        const hidden = lm.transformer.h[0].output[0];
        return save(hidden[top]!); // @computed
      }),
      'computed',
      /the index \d+ is out of range: it has 15 rows/,
    ));

  it('indices that are computed, with nothing of the source of ONNX Runtime', () =>
    traceFails(
      lm.trace(clean, () => {
        const top = lm.lm_head.output.argmax(-1).unsqueeze(-1);
        return save(gather(lm.transformer.h[0].output, 1, top + 100)); // @gathered
      }),
      'gathered',
      /with this intervention: an index is out of range: the dimension that it counts along has fewer elements/,
    ));
});

/** Attention with a norm of queries and keys in it, which ONNX Runtime has for other devices alone. */
it('a part of an operator that ONNX Runtime does not have on this device', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'onnsight-'));
  const inputs = ['x', 'x', 'x', '', '', 'lengths', 'length', ...Array<string>(7).fill(''), 'norm', 'norm'];
  const attributes = { num_heads: { int: 1 }, kv_num_heads: { int: 1 } };
  const attention = makeNode(
    'GroupQueryAttention',
    inputs,
    ['y', 'keys', 'values'],
    attributes,
    '/attn/GroupQueryAttention',
  );
  const info = (name: string) => makeValueInfo(name, 'float32', [1, 2, 8]);
  const weights = [
    makeTensor('lengths', 'int32', [1], [1]),
    makeTensor('length', 'int32', [2], []),
    makeTensor('norm', 'float32', Array<number>(8).fill(1), [8]),
  ];
  const graph = makeGraph('norms', [changedNode(attention, { domain: CONTRIB })], [info('x')], [info('y')], weights);
  const proto = makeModel(graph, 21);
  const opsetImport = [...proto.opsetImport, { ...proto.opsetImport[0]!, domain: CONTRIB, version: 1n }];
  writeFileSync(join(folder, 'norms.onnx'), encodeModel({ ...proto, opsetImport }));
  try {
    const model = await NNsight.load(join(folder, 'norms.onnx'), { device: 'cpu' });
    const x = [[Array<number>(8).fill(1), Array<number>(8).fill(2)]];
    await expect(model.trace({ x }, () => save(model.output))).rejects.toThrow(
      /^The model could not run: .*not supported.*the model's own node '\/attn\/GroupQueryAttention'.*that fails\. ONNX Runtime does not run it on this device, whatever a block does/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** The model gives as many ones as what comes in has columns. */
it('a tensor that is set and decides sizes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'onnsight-'));
  const nodes = [
    makeNode('Shape', ['x'], ['shape'], {}, '/Shape'),
    makeNode('Expand', ['one', 'shape'], ['y'], {}, '/Expand'),
  ];
  const info = (name: string) => makeValueInfo(name, 'float32', [1, 'n']);
  const graph = makeGraph('ones', nodes, [info('x')], [info('y')], [makeTensor('one', 'float32', [1], [])]);
  writeFileSync(join(folder, 'ones.onnx'), encodeModel(makeModel(graph)));
  try {
    const model = await NNsight.load<Loose>(join(folder, 'ones.onnx'), { device: 'cpu' });
    await traceFails(
      model.trace({ x: [[1, 2, 3]] }, () => {
        model.ops.Shape.output += 1; // @resized
        return save(model.output);
      }),
      'resized',
      /What is saved has the dims \[2, 4\] in place of \[1, 3\]: the model takes sizes from what the block sets, .*Shape.output \(/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
