import { intervention, type LanguageModel, NNsight, save } from 'onnsight';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { expect, it } from 'vitest';
import { readModel } from '../../runtime/onnx/read.ts';
import { runModel } from '../support/run-model.ts';
import { maxDifference } from '../support/toy.ts';
import { compileTo, runBare, TOY_MODEL } from './support/build.ts';

const input_ids = [
  [1, 5, 7, 9],
  [2, 4, 6, 8],
];

const last = intervention({ alpha: 'float32' }, (model: LanguageModel, { alpha }) => {
  model.transformer.h[1].output *= alpha;
  return { row: save(model.lm_head.output[':, -1']) };
});
const lens = intervention({}, (model: LanguageModel) => {
  const rows = [];
  for (const layer of model.transformer.h) rows.push(save(model.lm_head(model.transformer.ln_f(layer.output))['1, 2']));
  return { rows };
});

/** The rows that the unembeddings of a bundle's model compute. */
async function rowsComputed(folder: string, more: Record<string, OrtTensor> = {}) {
  const model = await readModel(`${folder}/steer.onnx`);
  const products = model.graph.node.filter(({ opType, output }) => opType === 'MatMul' && output[0] !== undefined);
  const vocabulary = 189;
  const outputs = await runModel(
    model,
    { ...feedsOf(model.inputs.map(({ name }) => name)), ...more },
    products.map(({ output }) => output[0]!),
  );
  return Object.values(outputs)
    .filter(({ dims }) => dims.at(-1) === vocabulary)
    .map(({ dims }) => dims.slice(0, -1).reduce((all, one) => all * one, 1));
}

function feedsOf(names: readonly string[]): Record<string, OrtTensor> {
  const ids = (rows: number[][]) => new OrtTensor('int64', BigInt64Array.from(rows.flat(), BigInt), [2, 4]);
  const all: Record<string, OrtTensor> = {
    input_ids: ids(input_ids),
    attention_mask: ids(input_ids.map((row) => row.map(() => 1))),
    position_ids: ids(input_ids.map((row) => row.map((_, i) => i))),
  };
  const empty = new OrtTensor('float32', new Float32Array(0), [2, 4, 0, 32]);
  return Object.fromEntries(names.filter((name) => name !== 'alpha').map((name) => [name, all[name] ?? empty]));
}

async function plainLogits(): Promise<Float32Array> {
  const session = await InferenceSession.create(TOY_MODEL);
  const { logits } = await session.run(feedsOf(session.inputNames));
  return logits!.data as Float32Array;
}

const rowOf = (logits: Float32Array, row: number) => [...logits.subarray(row * 189, (row + 1) * 189)];

it('a bundle that gives some rows of the logits computes these alone', async () => {
  const folder = await compileTo(last, {});
  const alpha = new OrtTensor('float32', [1], []);
  expect(await rowsComputed(folder, { alpha })).toEqual([2]);
  const { row } = await runBare(folder, { input_ids, alpha: 1 });
  const logits = await plainLogits();
  expect(row!.dims).toEqual([2, 189]);
  expect(maxDifference([...row!.data], [...rowOf(logits, 3), ...rowOf(logits, 7)])).toBeLessThan(1e-4);
  // Opened as a model it has its modules' outputs as they are.
  const again = await NNsight.load(`${folder}/steer.onnx`, { device: 'cpu' });
  const hidden = await again.trace({ input_ids, alpha: 1 }, () => save(again.transformer.h[3].output));
  expect(hidden.dims).toEqual([2, 4, 128]);
});

it('a bundle of a logit lens at one position calls the unembedding on that row of each layer', async () => {
  const folder = await compileTo(lens);
  expect(await rowsComputed(folder)).toEqual([4]);
  const rows = Object.values(await runBare(folder, { input_ids }));
  expect(rows.map(({ dims }) => dims)).toEqual([[189], [189], [189], [189]]);
  const logits = await plainLogits();
  expect(maxDifference([...rows.at(-1)!.data], rowOf(logits, 6))).toBeLessThan(1e-4);
});
