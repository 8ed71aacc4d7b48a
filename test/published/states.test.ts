import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LanguageModel, NNsight, save, zeros } from 'onnsight';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { decodeModel, encodeModel } from '../../runtime/onnx/proto.ts';
import { fixturePath } from './fixture-path.ts';

const GREEDY = { maxNewTokens: 8, stopTokens: [] };
const generated = (folder: string) => JSON.parse(readFileSync(fixturePath(`${folder}/gen.json`), 'utf8'));
const int64 = (data: readonly number[], dims: readonly number[]) =>
  new OrtTensor('int64', BigInt64Array.from(data, BigInt), dims);

test('the number of logits to keep is filled in: all of them', async () => {
  const lm = await LanguageModel.load(fixturePath('num-logits-to-keep'), { device: 'cpu' });
  const { prompt, greedy, batch, batchGreedy } = generated('num-logits-to-keep');
  expect((await lm.generate(prompt, GREEDY)).tokens).toEqual([greedy]);
  expect((await lm.generate(batch, { ...GREEDY, useCache: false })).tokens).toEqual(batchGreedy);
  const logits = await lm.trace({ input_ids: prompt, num_logits_to_keep: 2n }, () => save(lm.output));
  expect(logits.dims[1]).toBe(2);
});

/** The next tokens, by a loop around a plain session in which every `present…` becomes the `past…` of the next step. */
async function byHand(path: string, prompt: readonly number[], count: number): Promise<number[]> {
  const session = await InferenceSession.create(path);
  const zeros = (dims: readonly number[]) =>
    new OrtTensor('float32', new Float32Array(dims.reduce((product, dim) => product * dim, 1)), dims);
  let past: Record<string, OrtTensor> = {};
  for (const layer of [1, 3]) {
    for (const part of ['key', 'value']) past[`past_key_values.${layer}.${part}`] = zeros([1, 4, 0, 8]);
  }
  for (const layer of [0, 2]) past[`past_conv.${layer}`] = zeros([1, 32, 4]);
  const tokens = [...prompt];
  for (let fresh = prompt.length; tokens.length < prompt.length + count; fresh = 1) {
    const total = tokens.length;
    const given = tokens.slice(total - fresh);
    const results = await session.run({
      ...past,
      input_ids: int64(given, [1, fresh]),
      position_ids: int64(
        given.map((_, i) => total - fresh + i),
        [1, fresh],
      ),
      attention_mask: int64(
        tokens.map(() => 1),
        [1, total],
      ),
    });
    const { logits, ...present } = results;
    const last = Array.from(logits!.data as Float32Array).slice(-1000);
    tokens.push(last.indexOf(Math.max(...last)));
    past = Object.fromEntries(
      Object.entries(present).map(([name, tensor]) => [
        name.replace('present_conv', 'past_conv').replace('present.', 'past_key_values.'),
        tensor,
      ]),
    );
  }
  return tokens.slice(prompt.length);
}

test('states of convolutions begin as zeros and go from step to step, as keys and values do', async () => {
  const prompt = [1, 42, 65];
  const expected = await byHand(fixturePath('lfm2/model.onnx'), prompt, 8);
  const lm = await LanguageModel.load(fixturePath('lfm2'), { device: 'cpu' });
  expect((await lm.generate([prompt], GREEDY)).tokens).toEqual([expected]);
  const kept = await lm.generate([prompt], GREEDY, (tracer) => {
    for (const _ of tracer.iter()) lm.ops.Gather.output *= 1;
  });
  expect(kept.tokens).toEqual([expected]);
  const whole = await lm.trace([prompt], () => save(lm.output[':, -1']));
  const states = await lm.trace([prompt.slice(0, 2)], () => ({
    'past_conv.0': save(lm.outputs['present_conv.0']),
    'past_conv.2': save(lm.outputs['present_conv.2']),
    'past_key_values.1.key': save(lm.outputs['present.1.key']),
    'past_key_values.1.value': save(lm.outputs['present.1.value']),
    'past_key_values.3.key': save(lm.outputs['present.3.key']),
    'past_key_values.3.value': save(lm.outputs['present.3.value']),
  }));
  const rest = await lm.trace({ input_ids: [prompt.slice(2)], ...states }, () => save(lm.output[':, -1']));
  for (const [i, value] of rest.data.entries()) expect(value).toBeCloseTo(whole.data[i]!, 4);
});

test('the size of a head that has only a name in the file is that of what the keys are computed by', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'onnsight-'));
  cpSync(fixturePath('genai-llama'), folder, { recursive: true });
  const proto = decodeModel(readFileSync(fixturePath('genai-llama/model.onnx')));
  const cache = [...proto.graph!.input, ...proto.graph!.output].filter(({ name }) => /^(past|present)/.test(name));
  for (const { type } of cache) {
    if (type?.value.case !== 'tensorType') throw new Error('a cache is a tensor');
    type.value.value.shape!.dim[3]!.value = { case: 'dimParam', value: 'kv_cache_dim' };
  }
  writeFileSync(join(folder, 'model.onnx'), encodeModel(proto));
  const lm = await LanguageModel.load(folder, { device: 'cpu' });
  const { prompt, greedy } = generated('genai-llama');
  expect(cache).toHaveLength(12);
  expect((await lm.generate(prompt, GREEDY)).tokens).toEqual([greedy]);
  rmSync(folder, { recursive: true });
});

test('a state that is named like a cache, with another ending, has no length', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'onnsight-'));
  const add = makeNode('Add', ['past_key_values.0.conv_state', 'one'], ['present.0.conv_state'], {}, '/Add');
  const joined = makeNode(
    'Concat',
    ['past_key_values.1.key', 'new'],
    ['present.1.key'],
    { axis: { int: 2 } },
    '/Concat',
  );
  const positions = makeNode('Identity', ['position_ids'], ['positions'], {}, '/Identity');
  const mask = makeNode('Identity', ['attention_mask'], ['mask'], {}, '/Mask');
  const ids = makeNode('Identity', ['input_ids'], ['ids'], {}, '/Ids');
  const graph = makeGraph(
    'states',
    [add, joined, positions, mask, ids],
    [
      makeValueInfo('input_ids', 'int64', ['batch', 'sequence']),
      makeValueInfo('attention_mask', 'int64', ['batch', 'total']),
      makeValueInfo('position_ids', 'int64', ['batch', 'sequence']),
      makeValueInfo('past_key_values.0.conv_state', 'float32', ['batch', 64, 3]),
      makeValueInfo('past_key_values.1.key', 'float32', ['batch', 2, 'past', 8]),
    ],
    ['present.0.conv_state', 'present.1.key', 'positions', 'mask', 'ids'].map((name) => makeValueInfo(name)),
    [makeTensor('one', 'float32', [1], []), makeTensor('new', 'float32', Array(16).fill(0), [1, 2, 1, 8])],
  );
  writeFileSync(join(folder, 'model.onnx'), encodeModel(makeModel(graph)));
  const model = await NNsight.load(folder, { device: 'cpu' });
  const given = {
    'past_key_values.0.conv_state': zeros([1, 64, 3]),
    'past_key_values.1.key': zeros([1, 2, 4, 8]),
  };
  const found = await model.trace({ input_ids: [[1]], ...given }, () => ({
    positions: save(model.outputs.positions),
    mask: save(model.outputs.mask),
  }));
  expect([...found.positions.data].map(Number)).toEqual([4]);
  expect(found.mask.dims).toEqual([1, 5]);
  rmSync(folder, { recursive: true });
});
