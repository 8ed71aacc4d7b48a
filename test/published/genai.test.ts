import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LanguageModel, NNsight, save, type Tensor } from 'onnsight';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { afterAll, expect, test } from 'vitest';
import { makeAttribute, makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { decodeModel, encodeModel } from '../../runtime/onnx/proto.ts';
import { fixturePath } from './fixture-path.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnsight-genai-'));
afterAll(() => rmSync(folder, { recursive: true }));

const int64 = (data: readonly number[], dims: readonly number[]) =>
  new OrtTensor('int64', BigInt64Array.from(data, BigInt), dims);

/** The model of onnxruntime-genai's builder, with what it writes for Mistral (a window) and Gemma 2 (capped scores). */
function variant(name: string, attributes: Readonly<Record<string, { int: number } | { float: number }>>): string {
  const path = join(folder, name);
  cpSync(fixturePath('genai-llama'), path, { recursive: true });
  const proto = decodeModel(readFileSync(join(path, 'model.onnx')));
  for (const node of proto.graph!.node.filter(({ opType }) => opType === 'GroupQueryAttention')) {
    const kept = node.attribute.filter((one) => !(one.name in attributes));
    node.attribute = [...kept, ...Object.entries(attributes).map(([key, value]) => makeAttribute(key, value))];
  }
  writeFileSync(join(path, 'model.onnx'), encodeModel(proto));
  return path;
}

/** Logits and new tokens of a loop around a plain session. */
async function byHand(file: string, prompt: readonly number[], count: number, empty = [1, 2, 0, 16]) {
  const session = await InferenceSession.create(file);
  const pasts = session.inputNames.filter((name) => name.startsWith('past'));
  let past: Record<string, OrtTensor> = Object.fromEntries(
    pasts.map((name) => [name, new OrtTensor('float32', [], empty)]),
  );
  const tokens = [...prompt];
  const logits: number[][] = [];
  for (let fresh = prompt.length; tokens.length < prompt.length + count; fresh = 1) {
    const mask = int64(Array(tokens.length).fill(1), [1, tokens.length]);
    const results = await session.run({
      input_ids: int64(tokens.slice(-fresh), [1, fresh]),
      attention_mask: mask,
      ...past,
    });
    const vocabulary = results.logits!.dims[2]!;
    logits.push([...(results.logits!.data as Float32Array)].slice(-vocabulary));
    tokens.push(logits.at(-1)!.indexOf(Math.max(...logits.at(-1)!)));
    past = Object.fromEntries(pasts.map((name) => [name, results[name.replace('past_key_values', 'present')]!]));
  }
  return { tokens: tokens.slice(prompt.length), logits };
}

const LONG = [0, 11, 99, 101, 5, 7, 42];
const SHORT = [0, 42];
const OTHER = [0, 7, 12, 3, 44, 150, 2];

test.each([
  ['window', { local_window_size: { int: 3 } }],
  ['capped', { softcap: { float: 0.05 } }],
])('a decoder with %s attention: steps, rows and what is inside', async (name, attributes) => {
  const path = variant(name, attributes);
  const [long, short, plain] = await Promise.all([
    byHand(join(path, 'model.onnx'), LONG, 5),
    byHand(join(path, 'model.onnx'), SHORT, 5),
    byHand(fixturePath('genai-llama/model.onnx'), LONG, 5),
  ]);
  expect(long.logits).not.toEqual(plain.logits);
  const lm = await LanguageModel.load(path, { device: 'cpu' });
  const options = { maxNewTokens: 5, stopTokens: [] };
  const { tokens, result } = await lm.generate([LONG, SHORT], options, (tracer) => {
    const all: Tensor[] = [];
    for (const _ of tracer.iter()) all.push(save(lm.output[':, -1']) as unknown as Tensor);
    return all;
  });
  expect(tokens).toEqual([long.tokens, short.tokens]);
  for (const [step, { data }] of result.entries()) {
    const expected = [...long.logits[step]!, ...short.logits[step]!];
    for (const [i, value] of expected.entries()) expect(data[i]).toBeCloseTo(value, 4);
  }
  const inside = await lm.trace([LONG], () => ({
    chances: save(lm.get('model.layers.1.attn').ops.Softmax.output),
    logits: save(lm.output['0, -1']),
  }));
  for (const [i, value] of long.logits[0]!.entries()) expect(inside.logits.data[i]).toBeCloseTo(value, 4);
  if (name !== 'window') return;
  // Of the last token: itself and the two before.
  const last = [...inside.chances.data].slice(-LONG.length);
  expect(last.map((one) => one > 0)).toEqual(LONG.map((_, i) => i > LONG.length - 4));
});

/** A decoder whose file names the number and size of its heads and does not tell them: there are 2 of 4. */
function unsized(name: string, decoder: Readonly<Record<string, number>>): string {
  const path = join(folder, name);
  mkdirSync(path);
  for (const file of ['tokenizer.json', 'tokenizer_config.json']) cpSync(fixturePath(`lfm2/${file}`), join(path, file));
  const table = Array.from({ length: 11 * 8 }, (_, i) => Math.sin(i * 1.9));
  const shape = ['batch', 'heads', 'past', 'size'];
  const graph = makeGraph(
    'unsized',
    [
      makeNode('Gather', ['table', 'input_ids'], ['looked'], {}, '/Gather'),
      makeNode('Reshape', ['looked', 'apart'], ['split'], {}, '/Reshape'),
      makeNode('Transpose', ['split'], ['new'], { perm: { ints: [0, 2, 1, 3] } }, '/Transpose'),
      makeNode('Concat', ['past_key_values.0.key', 'new'], ['present.0.key'], { axis: { int: 2 } }, '/Concat'),
      makeNode('Concat', ['past_key_values.0.value', 'new'], ['present.0.value'], { axis: { int: 2 } }, '/Concat_1'),
      makeNode('ReduceSum', ['present.0.key', 'two'], ['sum'], {}, '/ReduceSum'),
      makeNode('Transpose', ['sum'], ['turned'], { perm: { ints: [0, 2, 1, 3] } }, '/Transpose_1'),
      makeNode('Add', ['split', 'turned'], ['added'], {}, '/Add'),
      makeNode('Sin', ['added'], ['wave'], {}, '/Sin'),
      makeNode('Reshape', ['wave', 'together'], ['joined'], {}, '/Reshape_1'),
      makeNode('MatMul', ['joined', 'head'], ['logits'], {}, '/MatMul'),
    ],
    [
      makeValueInfo('input_ids', 'int64', ['batch', 'sequence']),
      makeValueInfo('attention_mask', 'int64', ['batch', 'total']),
      makeValueInfo('past_key_values.0.key', 'float32', shape),
      makeValueInfo('past_key_values.0.value', 'float32', shape),
    ],
    ['logits', 'present.0.key', 'present.0.value'].map((one) => makeValueInfo(one, 'float32')),
    [
      makeTensor('table', 'float32', table, [11, 8]),
      makeTensor('head', 'float32', table.map(Math.cos), [8, 11]),
      makeTensor('apart', 'int64', [0, 0, 2, 4], [4]),
      makeTensor('together', 'int64', [0, 0, 8], [3]),
      makeTensor('two', 'int64', [2], [1]),
    ],
  );
  writeFileSync(join(path, 'decoder.onnx'), encodeModel(makeModel(graph, 17)));
  const config = { model: { type: 'x', vocab_size: 11, decoder: { filename: 'decoder.onnx', ...decoder } } };
  writeFileSync(join(path, 'genai_config.json'), JSON.stringify(config));
  return path;
}

test.each([
  ['told', { head_size: 4, num_key_value_heads: 2, num_attention_heads: 4, hidden_size: 32 }],
  ['divided', { num_attention_heads: 2, hidden_size: 8 }],
])('the sizes of a cache are those of genai_config.json: %s', async (name, decoder) => {
  const path = unsized(name, decoder);
  const expected = await byHand(join(path, 'decoder.onnx'), [3, 1, 7], 5, [1, 2, 0, 4]);
  const lm = await LanguageModel.load(path, { device: 'cpu' });
  expect((await lm.generate([[3, 1, 7]], { maxNewTokens: 5, stopTokens: [] })).tokens).toEqual([expected.tokens]);
});

/** A block with a mixture of experts, named as the builder names it. */
function experts(): Uint8Array {
  const numbers = (name: string, dims: readonly number[], seed: number) => {
    const size = dims.reduce((product, dim) => product * dim, 1);
    return makeTensor(
      name,
      'float32',
      Array.from({ length: size }, (_, i) => Math.sin(seed + i * 1.7) / 2),
      dims,
    );
  };
  const at = '/model/layers.0/moe';
  const weights = ['gate_up_proj', '', 'down_proj'].map((one) => one && `model.layers.0.moe.experts.${one}.weight`);
  const attributes = { k: { int: 2 }, activation_type: { string: 'relu' }, normalize_routing_weights: { int: 1 } };
  const moe = makeNode('MoE', ['x', 'routed', ...weights], [`${at}/MoE/output_0`], attributes, `${at}/MoE`);
  const graph = makeGraph(
    'experts',
    [
      makeNode('MatMul', ['x', 'model.layers.0.moe.router.weight'], ['routed'], {}, `${at}/router/MatMul`),
      { ...moe, domain: 'com.microsoft' },
      makeNode('Add', ['x', `${at}/MoE/output_0`], ['/model/layers.0/Add/output_0'], {}, '/model/layers.0/Add'),
      makeNode('MatMul', ['/model/layers.0/Add/output_0', 'lm_head.weight'], ['logits'], {}, '/lm_head/MatMul'),
    ],
    [makeValueInfo('x', 'float32', [3, 4])],
    [makeValueInfo('logits', 'float32', [3, 5])],
    [
      numbers('model.layers.0.moe.router.weight', [4, 4], 0),
      numbers(weights[0]!, [4, 8, 4], 1),
      numbers(weights[2]!, [4, 4, 8], 2),
      numbers('lm_head.weight', [4, 5], 3),
    ],
  );
  return encodeModel(makeModel(graph, 17));
}

test('a mixture of experts is a module, and its router: read and set', async () => {
  const path = join(folder, 'experts.onnx');
  writeFileSync(path, experts());
  const model = await NNsight.load(path, { device: 'cpu' });
  const x = Array.from({ length: 12 }, (_, i) => Math.cos(i));
  const rows = [x.slice(0, 4), x.slice(4, 8), x.slice(8)];
  const layer = model.get('model.layers.0');
  const read = await model.trace({ x: rows }, () => ({
    routed: save(model.get('model.layers.0.moe.router').output),
    mixed: save(model.get('model.layers.0.moe').output),
    layer: save(layer.output),
    logits: save(model.output),
  }));
  const session = await InferenceSession.create(path);
  const { logits } = await session.run({ x: new OrtTensor('float32', x, [3, 4]) });
  expect([...read.logits.data]).toEqual([...(logits!.data as Float32Array)]);
  for (const [i, value] of [...read.layer.data].entries()) expect(value).toBeCloseTo(x[i]! + read.mixed.data[i]!, 5);
  // All tokens to the first two experts, as plain ONNX Runtime does with such a router.
  const set = await model.trace({ x: rows }, () => {
    model.get('model.layers.0.moe.router').output[':, 2:'] = -1e9;
    return {
      mixed: save(model.get('model.layers.0.moe').output),
      routed: save(model.get('model.layers.0.moe.router').output),
    };
  });
  const first = decodeModel(experts());
  first.graph!.input = [...first.graph!.input, makeValueInfo('given', 'float32', [3, 4])];
  first.graph!.node[1]!.input[1] = 'given';
  first.graph!.output = [makeValueInfo('/model/layers.0/moe/MoE/output_0', 'float32', [3, 4])];
  const plain = await InferenceSession.create(encodeModel(first));
  const given = new OrtTensor('float32', Float32Array.from(set.routed.data), [3, 4]);
  const [mixed] = Object.values(await plain.run({ x: new OrtTensor('float32', x, [3, 4]), given }));
  expect([...set.mixed.data]).toEqual([...(mixed!.data as Float32Array)]);
  expect([...set.mixed.data]).not.toEqual([...read.mixed.data]);
});

/** Layers that slide, as the builder writes them for models with windows: their caches have room for the window alone. */
test.each([['some'], ['all']])(
  'caches that slide in %s layers are as long as the window from the first step on',
  async (which) => {
    const path = variant(`sliding-${which}`, { local_window_size: { int: 3 } });
    const file = join(path, 'model.onnx');
    const proto = decodeModel(readFileSync(file));
    const nodes = proto.graph!.node.filter(({ opType }) => opType === 'GroupQueryAttention');
    const sliding = which === 'all' ? nodes : nodes.slice(0, 1);
    for (const node of sliding) node.attribute.push(makeAttribute('sliding_window_cache', { int: 1 }));
    const caches = new Set(sliding.flatMap(({ input, output }) => [...input.slice(3, 5), ...output.slice(1, 3)]));
    for (const info of [...proto.graph!.input, ...proto.graph!.output]) {
      if (!caches.has(info.name) || info.type?.value.case !== 'tensorType') continue;
      info.type.value.value.shape!.dim[2]!.value = { case: 'dimParam', value: 'sliding_length' };
    }
    writeFileSync(file, encodeModel(proto));
    // What the whole caches of the same windows give.
    const whole = join(variant(`windows-${which}`, { local_window_size: { int: 3 } }), 'model.onnx');
    const [long, other] = [await byHand(whole, LONG, 6), await byHand(whole, OTHER, 6)];
    const lm = await LanguageModel.load(path, { device: 'cpu' });
    for (const useCache of [true, false]) {
      const options = { maxNewTokens: 6, stopTokens: [], useCache };
      const { tokens, result } = await lm.generate([LONG, OTHER], options, (tracer) => {
        const all: Tensor[] = [];
        for (const _ of tracer.iter()) all.push(save(lm.output[':, -1']) as unknown as Tensor);
        return all;
      });
      expect(tokens).toEqual([long.tokens, other.tokens]);
      for (const [step, { data }] of result.entries()) {
        const expected = [...long.logits[step]!, ...other.logits[step]!];
        for (const [i, value] of expected.entries()) expect(data[i]).toBeCloseTo(value, 4);
      }
    }
    const alone = await lm.generate([...LONG], { maxNewTokens: 6, stopTokens: [] });
    expect(alone.tokens).toEqual([long.tokens]);
    await expect(lm.generate([LONG, SHORT], { maxNewTokens: 2 })).rejects.toThrow(
      "padding before tokens, which this file's GroupQueryAttention takes for tokens",
    );
    // By hand, in two pieces.
    const names = [...proto.graph!.input].map(({ name }) => name).filter((name) => name.startsWith('past'));
    const first = await lm.trace({ input_ids: [LONG.slice(0, 4)] }, () =>
      Object.fromEntries(names.map((name) => [name, save(lm.outputs[name.replace('past_key_values', 'present')]!)])),
    );
    const given = { input_ids: [LONG.slice(4)], attention_mask: [LONG.map(() => 1)], ...first };
    const logits = await lm.trace(given as never, () => save(lm.output[':, -1']));
    for (const [i, value] of long.logits[0]!.entries()) expect(logits.data[i]).toBeCloseTo(value, 4);
    const { attention_mask: _, ...maskless } = given;
    if (which === 'all') {
      await expect(lm.trace(maskless as never, () => save(lm.output[':, -1']))).rejects.toThrow(
        "'past_key_values.0.key' keeps the last 3 tokens alone. Give attention_mask too",
      );
    }
  },
);

/** As the builder writes Granite and Gemma 2: logits are scaled and capped under the name of the head. */
test('what an lm_head makes is its product, where the builder scales and caps logits behind it', async () => {
  const path = variant('scaled', {});
  const file = join(path, 'model.onnx');
  const proto = decodeModel(readFileSync(file));
  const graph = proto.graph!;
  const head = graph.node.find(({ output }) => output[0] === 'logits')!;
  head.output[0] = '/lm_head/MatMul/output_0';
  graph.initializer.push(makeTensor('scale', 'float32', [0.25], []), makeTensor('cap', 'float32', [3], []));
  graph.node.push(
    makeNode('Mul', ['/lm_head/MatMul/output_0', 'scale'], ['/lm_head/Mul/output_0'], {}, '/lm_head/Mul'),
    makeNode('Div', ['/lm_head/Mul/output_0', 'cap'], ['/lm_head/softcap/Div/output_0'], {}, '/lm_head/softcap/Div'),
    makeNode(
      'Tanh',
      ['/lm_head/softcap/Div/output_0'],
      ['/lm_head/softcap/Tanh/output_0'],
      {},
      '/lm_head/softcap/Tanh',
    ),
    makeNode('Mul', ['/lm_head/softcap/Tanh/output_0', 'cap'], ['logits'], {}, '/lm_head/softcap/Mul'),
  );
  writeFileSync(file, encodeModel(proto));
  const plain = await byHand(fixturePath('genai-llama/model.onnx'), LONG, 1);
  const lm = await LanguageModel.load(path, { device: 'cpu' });
  const found = await lm.trace([LONG], () => ({
    head: save(lm.lm_head.output['0, -1']),
    logits: save(lm.output['0, -1']),
  }));
  for (const [i, value] of plain.logits[0]!.entries()) {
    expect(found.head.data[i]).toBeCloseTo(value, 4);
    expect(found.logits.data[i]).toBeCloseTo(3 * Math.tanh((value * 0.25) / 3), 4);
  }
});
