import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LanguageModel, save } from 'onnsight';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { afterAll, expect, test } from 'vitest';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel } from '../../runtime/onnx/proto.ts';
import { fixturePath } from './fixture-path.ts';

const made: string[] = [];
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true });
});

const WIDTH = 8;
const WORDS = 16;
const weights = (name: string, rows: number, columns: number, seed: number) =>
  makeTensor(
    name,
    'float32',
    Array.from({ length: rows * columns }, (_, i) => Math.sin(seed + i * 1.3)),
    [rows, columns],
  );

/** A model of one layer of ONNX's own Attention. `masked`: it reads the mask; else only positions are made of this. */
function fileOf(opset: number, masked: boolean): string {
  const folder = mkdtempSync(join(tmpdir(), 'onnsight-attention-'));
  made.push(folder);
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    cpSync(fixturePath(`lfm2/${file}`), join(folder, file));
  const project = (name: string) => makeNode('MatMul', ['x', `attn.${name}`], [`/attn/${name}`], {}, `/attn/${name}`);
  const heads = { q_num_heads: { int: 2 }, kv_num_heads: { int: 2 }, is_causal: { int: 1 } };
  const graph = makeGraph(
    'attention',
    [
      makeNode('CumSum', ['attention_mask', 'one'], ['counted'], {}, '/CumSum'),
      makeNode('Sub', ['counted', 'attention_mask'], ['positions'], {}, '/Sub'),
      makeNode('Gather', ['words', 'input_ids'], ['looked'], {}, '/Gather'),
      makeNode('Gather', ['places', 'positions'], ['placed'], {}, '/Gather_1'),
      makeNode('Add', ['looked', 'placed'], ['x'], {}, '/Add'),
      makeNode('Cast', ['attention_mask'], ['truths'], { to: { int: 9 } }, '/Cast'),
      makeNode('Unsqueeze', ['truths', 'axes'], ['row'], {}, '/Unsqueeze'),
      makeNode('Shape', ['input_ids'], ['dims'], {}, '/Shape'),
      makeNode('Gather', ['dims', 'square'], ['size'], {}, '/Gather_2'),
      makeNode('Expand', ['row', 'size'], ['full'], {}, '/Expand'),
      makeNode('Unsqueeze', ['full', 'axes'], ['wide'], {}, '/Unsqueeze_1'),
      ...['q', 'k', 'v'].map(project),
      makeNode('Attention', ['/attn/q', '/attn/k', '/attn/v', masked ? 'wide' : ''], ['y'], heads, '/attn/Attention'),
      makeNode('MatMul', ['y', 'head'], ['logits'], {}, '/head/MatMul'),
    ],
    [
      makeValueInfo('input_ids', 'int64', ['batch', 'sequence']),
      makeValueInfo('attention_mask', 'int64', ['batch', 'sequence']),
    ],
    [makeValueInfo('logits', 'float32', ['batch', 'sequence', WORDS])],
    [
      makeTensor('one', 'int64', [1], []),
      makeTensor('axes', 'int64', [1], [1]),
      makeTensor('square', 'int64', [0, 1, 1], [3]),
      weights('words', WORDS, WIDTH, 0),
      weights('places', WORDS, WIDTH, 1),
      weights('attn.q', WIDTH, WIDTH, 2),
      weights('attn.k', WIDTH, WIDTH, 3),
      weights('attn.v', WIDTH, WIDTH, 4),
      weights('head', WIDTH, WORDS, 5),
    ],
  );
  writeFileSync(join(folder, 'model.onnx'), encodeModel(makeModel(graph, opset)));
  return folder;
}

/** The logits of one row, by plain ONNX Runtime. */
async function plainly(folder: string, ids: readonly number[]): Promise<number[]> {
  const session = await InferenceSession.create(join(folder, 'model.onnx'));
  const int64 = (data: readonly number[]) => new OrtTensor('int64', BigInt64Array.from(data, BigInt), [1, ids.length]);
  const { logits } = await session.run({ input_ids: int64(ids), attention_mask: int64(ids.map(() => 1)) });
  return [...(logits!.data as Float32Array)];
}

const LONG = [3, 9, 4, 7, 2];
const SHORT = [5, 11];

test.each([23, 24])(
  'rows of different lengths are what they are alone, and inside too (operator set %i)',
  async (opset) => {
    const folder = fileOf(opset, true);
    const lm = await LanguageModel.load(folder, { device: 'cpu' });
    const rows = await lm.trace([LONG, SHORT], () => save(lm.output));
    const inside = await lm.trace([LONG, SHORT], () => ({
      chances: save(lm.attn.ops.Softmax.output),
      logits: save(lm.output),
    }));
    for (const logits of [rows, inside.logits]) {
      const data = [...logits.data];
      const [first, second] = [data.slice(0, LONG.length * WORDS), data.slice(-SHORT.length * WORDS)];
      for (const [got, ids] of [
        [first, LONG],
        [second, SHORT],
      ] as const) {
        for (const [i, value] of (await plainly(folder, ids)).entries()) expect(got[i]).toBeCloseTo(value, 4);
      }
    }
    expect(inside.chances.dims).toEqual([2, 2, LONG.length, LONG.length]);
    // Nothing goes from the padding to the tokens of the short row.
    const last = [...inside.chances.data].slice(-LONG.length);
    expect(last.slice(0, 3)).toEqual([0, 0, 0]);
    expect(last.reduce((sum, one) => sum + one, 0)).toBeCloseTo(1, 5);
  },
);

test('where attention reads no mask, rows of different lengths are an error that says so', async () => {
  const lm = await LanguageModel.load(fileOf(23, false), { device: 'cpu' });
  await expect(lm.trace([LONG, SHORT], () => save(lm.output))).rejects.toThrow(
    /5, 2 tokens and cannot be batched: its attention reads no attention_mask, so padding would be seen/,
  );
});
