import { save } from 'onnsight';
import { Tensor as OrtTensor } from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import type { InterventionGraph } from '../../runtime/graph/graph.ts';
import { narrowCalls } from '../../runtime/graph/passes/narrow-calls.ts';
import { prepareInputs } from '../../runtime/inputs/prepare.ts';
import { RowWiseEnds } from '../../runtime/partition/row-wise.ts';
import type { Tensor } from '../../runtime/tensor/tensor.ts';
import { difference, type Engines, ids, openEngines, runGraph, SEGMENTATIONS } from '../execution/engines.ts';
import { modelPath, TOY } from '../support/fixtures.ts';
import { runModel } from '../support/run-model.ts';

const inputs = ids([1, 2, 3, 4], [4, 3, 2, 1]);

/** The graph as it runs, and how many modules are called in it. */
function narrowed({ map }: Engines, graph: InterventionGraph) {
  const rewritten = narrowCalls(graph, new RowWiseEnds(map.model, map.tree).context(map.locate)).graph;
  return { calls: rewritten.root.nodes.filter(({ op }) => op === 'call'), isSame: rewritten === graph };
}

describe.each([
  ['gpt2', 'ts', 'model.transformer.h', 'model.transformer.ln_f'],
  ['gpt2', 'dynamo', 'model.transformer.h', 'model.transformer.ln_f'],
  ['llama', 'ts', 'model.model.layers', 'model.model.norm'],
  ['llama', 'dynamo', 'model.model.layers', 'model.model.norm'],
] as const)('a logit lens at one position of %s (%s exporter)', (name, exporter, layers, norm) => {
  it('calls the modules once, on that row of all layers', async () => {
    const file = await openEngines(modelPath(`zoo/${name}`, exporter));
    const { model } = file;
    const [list, last, head] = [layers, norm, 'model.lm_head'].map((path) => model.get(path));
    const count = list.length;
    const graph = await model.graph(inputs, () => {
      'use trace';
      const found = [];
      for (const layer of list) found.push(save(head(last(layer.output))['1, -1'].logSoftmax(-1)));
      return [...found, save(model.output)];
    });
    const whole = await model.graph(inputs, () => {
      'use trace';
      const found = [];
      for (const layer of list) found.push(save(head(last(layer.output))));
      return found;
    });
    const calls = (one: InterventionGraph) => one.root.nodes.filter(({ op }) => op === 'call').length;
    expect([calls(graph), narrowed(file, graph).calls.length]).toEqual([2 * count, 2]);
    expect(narrowed(file, whole).isSame).toBe(true);
    for (const segmentation of SEGMENTATIONS) {
      const { tensors } = await runGraph(file.engine(segmentation), graph, inputs);
      const all = await runGraph(file.engine(segmentation), whole, inputs);
      const logits = tensors.at(-1)!;
      // Of the last layer they are the model's own.
      const rows = [...all.tensors.slice(0, -1), logits].map((tensor) => logSoftmax(rowOf(tensor)));
      rows.forEach((row, i) => {
        expect(tensors[i]!.dims).toEqual([row.length]);
        expect(Math.max(...row.map((value, j) => Math.abs(value - Number(tensors[i]!.data[j]))))).toBeLessThan(1e-4);
      });
    }
  }, 120_000);
});

function rowOf({ dims, data }: Tensor): number[] {
  const [batch, sequence, features] = dims as [number, number, number];
  expect(batch).toBe(2);
  const start = (sequence + sequence - 1) * features;
  return Array.from(data as ArrayLike<number>).slice(start, start + features);
}

function logSoftmax(row: readonly number[]): number[] {
  const sum = Math.log(row.reduce((total, value) => total + Math.exp(value), 0));
  return row.map((value) => value - sum);
}

describe('on the toy model', () => {
  let file: Engines;
  // biome-ignore lint/suspicious/noExplicitAny: the modules of this model are not known to the type checker.
  let model: any;

  beforeAll(async () => {
    file = await openEngines(TOY);
    model = file.model;
  });

  /** What a block gives, alone, and beside something for which all rows are needed. */
  async function expectCalls(count: number, block: () => unknown[], all: () => unknown) {
    const graph = await model.graph(inputs, block);
    expect(narrowed(file, graph).calls.length).toBe(count);
    const whole = await model.graph(inputs, () => [...block(), all()]);
    for (const segmentation of SEGMENTATIONS) {
      const engine = file.engine(segmentation);
      const { tensors } = await runGraph(engine, graph, inputs);
      const wanted = await runGraph(engine, whole, inputs);
      expect(difference(tensors, wanted.tensors.slice(0, -1))).toBeLessThan(1e-5);
      expect(tensors[0]!.data.length).toBeGreaterThan(0);
    }
  }

  it('rows of each text, and some rows', () =>
    expectCalls(
      4,
      () => {
        'use trace';
        const { h, ln_f } = model.transformer;
        const early = model.lm_head(ln_f(h[0].output))[':, -1, 3'];
        const middle = model.lm_head(ln_f(h[1].output))['0, 1:3'];
        return [save(early), save(middle)];
      },
      () => save(model.lm_head(model.transformer.ln_f(model.transformer.h[0].output))),
    ));

  it('where one is computed from another', () =>
    expectCalls(
      4,
      () => {
        'use trace';
        const { h, ln_f } = model.transformer;
        const early = model.lm_head(ln_f(h[0].output))['0, -1'];
        const scaled = h[1].output * early.max();
        return [save(model.lm_head(ln_f(scaled))['0, -1'])];
      },
      () => save(model.lm_head(model.transformer.ln_f(model.transformer.h[0].output))),
    ));

  it('beside the rows of the logits, behind a change', () =>
    expectCalls(
      2,
      () => {
        'use trace';
        const { h, ln_f } = model.transformer;
        h[1].output *= 2;
        const early = model.lm_head(ln_f(h[2].output))['0, -1'];
        return [save(early - model.lm_head.output['0, -1'])];
      },
      () => save(model.lm_head.output),
    ));

  it('the same gradients', async () => {
    const gradients = await model.trace(inputs, () => {
      const { h, ln_f } = model.transformer;
      const narrow = model.lm_head(ln_f(h[1].output))['0, -1, 3'];
      narrow.backward();
      return save(h[0].output.grad);
    });
    const whole = await model.trace(inputs, () => {
      const { h, ln_f } = model.transformer;
      const logits = model.lm_head(ln_f(h[1].output));
      save(logits);
      logits['0, -1, 3'].backward();
      return save(h[0].output.grad);
    });
    expect(difference([gradients], [whole])).toBeLessThan(1e-6);
    expect(Math.max(...gradients.data)).toBeGreaterThan(0);
  });

  it('not where what they give is changed in place, saved, or needed whole', async () => {
    const graph = await model.graph(inputs, () => {
      'use trace';
      const { h, ln_f } = model.transformer;
      const early = save(model.lm_head(ln_f(h[0].output)));
      const other = model.lm_head(ln_f(h[1].output));
      return [early, save(early['0, -1']), save(other['0, -1']), save(other.sum())];
    });
    expect(narrowed(file, graph).isSame).toBe(true);
  });

  it('not a module that mixes rows', async () => {
    const graph = await model.graph(inputs, () => {
      'use trace';
      return [save(model.transformer.h[1].mlp(model.transformer.h[0].output)['0, -1'])];
    });
    const { tensors } = await runGraph(file.engine('layers'), graph, inputs);
    expect(tensors[0]!.dims).toEqual([128]);
  });

  it('the logits of the last layer are plain ONNX Runtime’s', async () => {
    const feeds = Array.from(prepareInputs(file.map.model, inputs), ([name, { dtype, dims, raw }]) => [
      name,
      new OrtTensor(dtype as 'int64', raw as unknown as BigInt64Array, dims),
    ]);
    const { logits } = await runModel(file.map.model, Object.fromEntries(feeds), ['logits']);
    const rows = await model.trace(inputs, () =>
      save(model.lm_head(model.transformer.ln_f(model.transformer.h.at(-1).output))[':, -1']),
    );
    const expected = [3, 7].flatMap((row) => [...(logits!.data as Float32Array).slice(row * 189, (row + 1) * 189)]);
    expect(Math.max(...expected.map((value, i) => Math.abs(value - Number(rows.data[i]))))).toBeLessThan(1e-4);
  });
});
