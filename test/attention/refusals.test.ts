import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Loose, NNsight, save } from 'onnsight';
import { afterAll, expect, test } from 'vitest';
import { makeGraph, makeModel, makeNode, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel } from '../../runtime/onnx/proto.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnsight-'));
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  'DecoderMaskedMultiHeadAttention',
  'PackedAttention',
  'PackedMultiHeadAttention',
  'PagedAttention',
  'SparseAttention',
  'LongformerAttention',
])('what is inside of %s is an error at its line', async (operator) => {
  const attention = {
    ...makeNode(operator, ['x', 'x', 'x'], ['y'], { num_heads: { int: 1 } }, '/attn/Attention'),
    domain: 'com.microsoft',
  };
  const info = (name: string) => makeValueInfo(name, 'float32', [1, 2, 8]);
  const graph = makeGraph(
    'attention',
    [attention, makeNode('Abs', ['y'], ['z'], {}, '/Abs')],
    [info('x')],
    [info('z')],
  );
  const model = makeModel(graph, 17);
  model.opsetImport.push({ ...model.opsetImport[0]!, domain: 'com.microsoft', version: 1n });
  const path = join(folder, `${operator}.onnx`);
  writeFileSync(path, encodeModel(model));
  const x = [[Array(8).fill(1), Array(8).fill(2)]];
  const opened = await NNsight.load<Loose>(path, { device: 'cpu' });
  await expect(opened.trace({ x }, () => save(opened.attn.ops.Softmax.output))).rejects.toThrow(
    operator === 'DecoderMaskedMultiHeadAttention'
      ? /refusals.test.ts:\d+:\d+ - attn.ops.Softmax is inside of DecoderMaskedMultiHeadAttention, .* no definition of it/
      : // ONNX Runtime for the processor has none of the others, or not in this form.
        new RegExp(`does not run: ONNX Runtime refuses the model itself, whatever a block does: .*${operator}`),
  );
});
