import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LanguageModel, NNsight, save, type Tensor, zeros } from 'onnsight';
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
  const rows = lm.generate([prompt, [42]], GREEDY);
  await expect(rows).rejects.toThrow(/cannot be batched: the model has states that its attention_mask does not keep/);
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

/** A file whose states have such names; with a mask of such a length padding adds nothing to them. */
function statesFile(names: readonly string[], masked: string | null): string {
  const folder = mkdtempSync(join(tmpdir(), 'onnsight-states-'));
  const table = Float32Array.from({ length: 11 * 4 }, (_, i) => Math.sin(i * 1.7));
  const start = masked
    ? [
        makeNode('Shape', ['input_ids'], ['size'], { start: { int: 1 } }, '/Shape'),
        makeNode('Neg', ['size'], ['fresh'], {}, '/Neg'),
        makeNode('Slice', ['attention_mask', 'fresh', 'end', 'one'], ['new'], {}, '/Slice'),
        makeNode('Unsqueeze', ['new', 'two'], ['column'], {}, '/Unsqueeze'),
        makeNode('Cast', ['column'], ['factor'], { to: { int: 1 } }, '/Cast'),
        makeNode('Mul', ['looked', 'factor'], ['x0'], {}, '/Mul'),
      ]
    : [makeNode('Identity', ['looked'], ['x0'], {}, '/Identity')];
  const layers = names.flatMap((name, i) => [
    makeNode('CumSum', [`x${i}`, 'one'], [`summed${i}`], {}, `/layers.${i}/CumSum`),
    makeNode('Unsqueeze', [`past_${name}`, 'one'], [`before${i}`], {}, `/layers.${i}/Unsqueeze`),
    makeNode('Add', [`summed${i}`, `before${i}`], [`state${i}`], {}, `/layers.${i}/Add`),
    makeNode('Gather', [`state${i}`, 'minus'], [`present_${name}`], { axis: { int: 1 } }, `/layers.${i}/Gather`),
    makeNode('Sin', [`state${i}`], [`x${i + 1}`], {}, `/layers.${i}/Sin`),
  ]);
  const logits = [
    makeNode('MatMul', [`x${names.length}`, 'head'], ['all'], {}, '/MatMul'),
    makeNode('Neg', ['num_logits_to_keep'], ['first'], {}, '/Neg_1'),
    makeNode('Unsqueeze', ['first', 'zero'], ['starts'], {}, '/Unsqueeze_1'),
    makeNode('Slice', ['all', 'starts', 'end', 'one'], ['logits'], {}, '/Slice_1'),
  ];
  const mask = masked ? [makeValueInfo('attention_mask', 'int64', ['batch', masked])] : [];
  const graph = makeGraph(
    'states',
    [makeNode('Gather', ['table', 'input_ids'], ['looked'], {}, '/Gather'), ...start, ...layers, ...logits],
    [
      makeValueInfo('input_ids', 'int64', ['batch', 'sequence']),
      ...mask,
      makeValueInfo('num_logits_to_keep', 'int64', []),
      ...names.map((name) => makeValueInfo(`past_${name}`, 'float32', ['batch', 4])),
    ],
    [makeValueInfo('logits', 'float32'), ...names.map((name) => makeValueInfo(`present_${name}`, 'float32'))],
    [
      makeTensor('table', 'float32', [...table], [11, 4]),
      makeTensor('head', 'float32', [...table].map(Math.cos), [4, 11]),
      makeTensor('zero', 'int64', [0], [1]),
      makeTensor('one', 'int64', [1], [1]),
      makeTensor('two', 'int64', [2], [1]),
      makeTensor('minus', 'int64', [-1], []),
      makeTensor('end', 'int64', [2 ** 31], [1]),
    ],
  );
  writeFileSync(join(folder, 'model.onnx'), encodeModel(makeModel(graph, 17)));
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    cpSync(fixturePath(`lfm2/${file}`), join(folder, file));
  return folder;
}

/** What a loop around a plain session gives, every `present_…` the next step's `past_…`. */
async function stepsByHand(folder: string, names: readonly string[], masked: string | null, prompt: readonly number[]) {
  const session = await InferenceSession.create(join(folder, 'model.onnx'));
  let past: [string, OrtTensor][] = names.map((name) => [
    `past_${name}`,
    new OrtTensor('float32', new Float32Array(4), [1, 4]),
  ]);
  const tokens = [...prompt];
  const logits: number[][] = [];
  for (let fresh = prompt.length; tokens.length < prompt.length + 5; fresh = 1) {
    const seen = masked === 'total' ? tokens.length : fresh;
    const mask = int64(Array(seen).fill(1), [1, seen]);
    const results = await session.run({
      input_ids: int64(tokens.slice(-fresh), [1, fresh]),
      ...(masked !== null && { attention_mask: mask }),
      num_logits_to_keep: int64([1], []),
      ...Object.fromEntries(past),
    });
    logits.push([...(results.logits!.data as Float32Array)]);
    tokens.push(logits.at(-1)!.indexOf(Math.max(...logits.at(-1)!)));
    past = names.map((name) => [`past_${name}`, results[`present_${name}`]!]);
  }
  return { tokens: tokens.slice(prompt.length), logits };
}

const NAMES = ['ssm.0', 'recurrent.0', 'conv.1', 'ssm_1', 'anything.2'];

test.each(['total', 'sequence', null])('states of any name go from step to step (mask of %s)', async (mask) => {
  const folder = statesFile(NAMES, mask);
  const prompts = [
    [3, 1, 7],
    [5, 2, 9],
  ];
  const lm = await LanguageModel.load(folder, { device: 'cpu' });
  const expected = await Promise.all(prompts.map((prompt) => stepsByHand(folder, NAMES, mask, prompt)));
  const options = { maxNewTokens: 5, stopTokens: [] };
  expect((await lm.generate(prompts, options)).tokens).toEqual(expected.map(({ tokens }) => tokens));
  const { result: seen } = await lm.generate([prompts[0]!], options, (tracer) => {
    const all: Tensor[] = [];
    for (const _ of tracer.iter()) all.push(save(lm.output['0, -1']) as unknown as Tensor);
    return all;
  });
  for (const [i, step] of expected[0]!.logits.entries())
    for (const [k, value] of step.entries()) expect(seen[i]!.data[k]).toBeCloseTo(value, 4);
  const rows = lm.generate([prompts[0]!, [4]], options);
  if (mask === null) await expect(rows).rejects.toThrow(/cannot be batched: the model has no attention_mask/);
  else {
    const single = await stepsByHand(folder, NAMES, mask, [4]);
    expect((await rows).tokens).toEqual([expected[0]!.tokens, single.tokens]);
  }
  rmSync(folder, { recursive: true });
});
