import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LanguageModel, save } from 'onnsight';
import { afterAll, describe, expect, it } from 'vitest';
import { fixturePath } from '../published/fixture-path.ts';
import { TOY } from '../support/toy.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnsight-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A classifier's class comes of its first token, and its positions count from the first column. */
describe('rows of an encoder are padded on the right', () => {
  cpSync(fixturePath('bert-cls.onnx'), join(folder, 'model.onnx'));
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) cpSync(join(TOY, name), join(folder, name));
  writeFileSync(join(folder, 'config.json'), '{ "model_type": "bert", "pad_token_id": 0 }');
  const rows = [[11, 99, 11, 2, 5, 7], [11, 99, 2], [8]];

  it('each gives what it does alone, which plain ONNX Runtime gives', async () => {
    const lm = await LanguageModel.load(folder, { device: 'cpu' });
    const together = await lm.trace(rows, () => save(lm.output));
    const invoked = await lm.trace((tracer) => rows.map((row) => tracer.invoke([row], () => save(lm.output))));
    for (const [i, row] of rows.entries()) {
      const alone = Array.from((await lm.trace([row])).logits!.data, Number);
      for (const [j, value] of alone.entries()) {
        expect(Number(together.data[i * alone.length + j])).toBeCloseTo(value, 5);
        expect(Number((invoked[i] as typeof together).data[j])).toBeCloseTo(value, 5);
      }
    }
  });
});
