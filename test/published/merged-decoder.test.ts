import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LanguageModel, type Loose, NNsight, save, type Tensor } from 'onnsight';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeModel, encodeModel } from '../../runtime/onnx/proto.ts';
import { branchesOf } from '../../runtime/onnx/subgraphs.ts';
import { fixturePath } from './fixture-path.ts';

/*
 * A decoder whose file has two branches, one with a key-value cache and one without: its modules stand in both. Beside it the
 * decoder that has only the branch without a cache, as it was before the two were merged.
 */
const ids = [[0, 42, 65, 11, 99]];
const MODULES = ['transformer.h.0', 'transformer.h.1.attn', 'transformer.h.2.mlp.c_fc', 'transformer.ln_f', 'lm_head'];

let folder: string;
let alone: NNsight<Loose>;
let merged: LanguageModel<Loose>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'onnsight-'));
  const model = decodeModel(readFileSync(fixturePath('gpt2-merged/onnx/decoder_model_merged.onnx')));
  const { graph } = model;
  const [, without] = branchesOf(graph!.node[0]!);
  writeFileSync(join(folder, 'alone.onnx'), encodeModel({ ...model, graph: { ...graph!, node: without.node } }));
  alone = await NNsight.load<Loose>(join(folder, 'alone.onnx'), { device: 'cpu' });
  merged = await LanguageModel.load<Loose>(fixturePath('gpt2-merged'), { device: 'cpu' });
});

afterAll(() => rmSync(folder, { recursive: true }));

function close(found: Tensor, wanted: Tensor, what: string): void {
  expect(found.dims, what).toEqual(wanted.dims);
  const off = Array.from(found.data, (value, i) => Math.abs(Number(value) - Number(wanted.data[i])));
  expect(Math.max(...off), what).toBeLessThan(1e-4);
}

describe('modules that stand in both branches of a decoder', () => {
  test('are read as in the decoder before it was merged', async () => {
    const block = (model: NNsight<Loose>) =>
      MODULES.map((path) => [save(model.get(path).input), save(model.get(path).output)]);
    const wanted = await alone.trace(ids, () => block(alone));
    const found = await merged.trace(ids, () => block(merged));
    MODULES.forEach((path, i) => {
      close(found[i]![0]!, wanted[i]![0]!, `what enters ${path}`);
      close(found[i]![1]!, wanted[i]![1]!, `what leaves ${path}`);
    });
  });

  test.each(MODULES)('are set as there: %s', async (path) => {
    const wanted = await alone.trace(ids, () => {
      alone.get(path).output[':, 1:3'] *= 3;
      return save(alone.outputs[0]);
    });
    const found = await merged.trace(ids, () => {
      merged.get(path).output[':, 1:3'] *= 3;
      return save(merged.outputs[0]);
    });
    close(found, wanted, path);
  });

  test('are read and set in each step of a generation, with the cache as without it', async () => {
    const run = (useCache: boolean) =>
      merged.generate(ids, { maxNewTokens: 4, stopTokens: [], useCache }, (tracer) => {
        const last: Tensor[] = [];
        for (const _ of tracer.iter()) {
          merged.transformer.h[1].output *= -2;
          last.push(save(merged.transformer.h[2].output[':, -1']));
        }
        return last;
      });
    const [found, wanted] = [await run(true), await run(false)];
    const plain = await merged.generate(ids, { maxNewTokens: 4, stopTokens: [] });
    expect(found.tokens).not.toEqual(plain.tokens);
    expect(found.tokens).toEqual(wanted.tokens);
    wanted.result.forEach((value, step) => void close(found.result[step]!, value, `step ${step}`));
  });
});
