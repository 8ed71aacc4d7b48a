import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LanguageModel, save } from 'onnsight';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { afterAll, expect, test } from 'vitest';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel } from '../../runtime/onnx/proto.ts';
import { fixturePath } from './fixture-path.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnsight-quantized-attention-'));
afterAll(() => rmSync(folder, { recursive: true }));

const [WIDTH, WORDS, HEADS, SIZE] = [8, 16, 2, 4];
const wave = (count: number, seed: number) => Array.from({ length: count }, (_, i) => Math.sin(seed + i * 1.3));
const own = (op: string, inputs: string[], outputs: string[], attributes: object, name: string) => ({
  ...makeNode(op, inputs, outputs, attributes as never, name),
  domain: 'com.microsoft',
});

/** One layer of ONNX Runtime's QAttention, whose keys and values go from step to step. */
function write(): void {
  const cache = ['batch', HEADS, 'past', SIZE];
  const graph = makeGraph(
    'quantized',
    [
      makeNode('Gather', ['words', 'input_ids'], ['looked'], {}, '/Gather'),
      makeNode('Gather', ['places', 'position_ids'], ['placed'], {}, '/Gather_1'),
      makeNode('Add', ['looked', 'placed'], ['x'], {}, '/Add'),
      makeNode('QuantizeLinear', ['x', 'x_scale', 'x_zero'], ['quantized'], {}, '/attn/QuantizeLinear'),
      makeNode('Cast', ['attention_mask'], ['mask'], { to: { int: 6 } }, '/Cast'),
      makeNode('Unsqueeze', ['past_key_values.0.key', 'first'], ['key'], {}, '/attn/Unsqueeze'),
      makeNode('Unsqueeze', ['past_key_values.0.value', 'first'], ['value'], {}, '/attn/Unsqueeze_1'),
      makeNode('Concat', ['key', 'value'], ['past'], { axis: { int: 0 } }, '/attn/Concat'),
      own(
        'QAttention',
        ['quantized', 'attn.weight', 'attn.bias', 'x_scale', 'scale', 'mask', 'x_zero', 'zero', 'past'],
        ['y', 'present'],
        { num_heads: { int: HEADS }, unidirectional: { int: 1 } },
        '/attn/QAttention',
      ),
      makeNode('Gather', ['present', 'none'], ['present.0.key'], { axis: { int: 0 } }, '/attn/Gather'),
      makeNode('Gather', ['present', 'one'], ['present.0.value'], { axis: { int: 0 } }, '/attn/Gather_1'),
      makeNode('MatMul', ['y', 'head'], ['logits'], {}, '/head/MatMul'),
    ],
    [
      makeValueInfo('input_ids', 'int64', ['batch', 'sequence']),
      makeValueInfo('attention_mask', 'int64', ['batch', 'total']),
      makeValueInfo('position_ids', 'int64', ['batch', 'sequence']),
      makeValueInfo('past_key_values.0.key', 'float32', cache),
      makeValueInfo('past_key_values.0.value', 'float32', cache),
    ],
    [
      makeValueInfo('logits', 'float32', ['batch', 'sequence', WORDS]),
      makeValueInfo('present.0.key', 'float32', ['batch', HEADS, 'total', SIZE]),
      makeValueInfo('present.0.value', 'float32', ['batch', HEADS, 'total', SIZE]),
    ],
    [
      makeTensor('words', 'float32', wave(WORDS * WIDTH, 0), [WORDS, WIDTH]),
      makeTensor('places', 'float32', wave(WORDS * WIDTH, 1), [WORDS, WIDTH]),
      makeTensor('x_scale', 'float32', [2 / 127], []),
      makeTensor('x_zero', 'uint8', [128], []),
      makeTensor(
        'attn.weight',
        'int8',
        wave(3 * WIDTH * WIDTH, 2).map((value) => Math.round(value * 127)),
        [WIDTH, 3 * WIDTH],
      ),
      makeTensor('attn.bias', 'float32', wave(3 * WIDTH, 3), [3 * WIDTH]),
      makeTensor('scale', 'float32', [1 / 127], []),
      makeTensor('zero', 'int8', [0], []),
      makeTensor('head', 'float32', wave(WIDTH * WORDS, 4), [WIDTH, WORDS]),
      makeTensor('first', 'int64', [0], [1]),
      makeTensor('none', 'int64', [0], []),
      makeTensor('one', 'int64', [1], []),
    ],
  );
  const model = makeModel(graph, 17);
  const imports = [...model.opsetImport, { ...model.opsetImport[0]!, domain: 'com.microsoft', version: 1n }];
  writeFileSync(join(folder, 'model.onnx'), encodeModel({ ...model, opsetImport: imports }));
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    cpSync(fixturePath(`lfm2/${file}`), join(folder, file));
}

/** The logits of one row by plain ONNX Runtime, without a past. */
async function plainly(session: InferenceSession, ids: readonly number[]): Promise<number[]> {
  const int64 = (data: readonly number[]) => new OrtTensor('int64', BigInt64Array.from(data, BigInt), [1, ids.length]);
  const none = new OrtTensor('float32', new Float32Array(), [1, HEADS, 0, SIZE]);
  const { logits } = await session.run({
    input_ids: int64(ids),
    attention_mask: int64(ids.map(() => 1)),
    position_ids: int64(ids.map((_, i) => i)),
    'past_key_values.0.key': none,
    'past_key_values.0.value': none,
  });
  return [...(logits!.data as Float32Array)];
}

test('quantized attention with a cache: generations of rows of different lengths, and inside of it', async () => {
  write();
  const session = await InferenceSession.create(join(folder, 'model.onnx'));
  const rows = [
    [3, 9],
    [5, 11, 2, 7],
  ];
  const expected = [];
  for (const row of rows) {
    const tokens = [...row];
    for (let step = 0; step < 5; step++) {
      const last = (await plainly(session, tokens)).slice(-WORDS);
      tokens.push(last.indexOf(Math.max(...last)));
    }
    expected.push(tokens.slice(row.length));
  }
  const lm = await LanguageModel.load(folder, { device: 'cpu' });
  const options = { maxNewTokens: 5, stopTokens: [] };
  expect((await lm.generate(rows, options)).tokens).toEqual(expected);
  expect((await lm.generate(rows, { ...options, useCache: false })).tokens).toEqual(expected);
  const chances = await lm.trace(rows, () => save(lm.attn.ops.Softmax.output['0, 0, -1']));
  expect([...chances.data].slice(0, 2)).toEqual([0, 0]);
  const kept = await lm.trace([rows[1]!], () => {
    lm.attn.ops.Softmax.output *= 1;
    return save(lm.output);
  });
  for (const [i, value] of (await plainly(session, rows[1]!)).entries()) expect(kept.data[i]).toBeCloseTo(value, 4);
});
