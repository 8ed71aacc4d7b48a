import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { intervention, LanguageModel, matmul, save, Tensor } from 'onnsight';
import { loadBundle } from 'onnsight/bundle';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { manifestSchema } from '../../runtime/bundle/schema.ts';
import { decodeModel } from '../../runtime/onnx/proto.ts';
import { TOY } from '../support/toy.ts';
import { compileTo } from './support/build.ts';
import { plain, rounded } from './support/plain.ts';
import { INTERVENTIONS, RUNS } from './support/structures.ts';

const root = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const PYTHON = process.env.ONNSIGHT_PYTHON ?? 'python3';
const hasPython = spawnSync(PYTHON, ['-c', 'import numpy, onnxruntime']).status === 0;
/** What Python gave: `ONNSIGHT_PYTHON=python WRITE=1 npx vitest run test/bundle/python.test.ts` writes it. */
const FIXTURE = root('test/fixtures/bundle-python.json');

describe('a bundle in Python, by its manifest alone', () => {
  const folders: Record<string, string> = {};
  const results: unknown[] = [];

  beforeAll(async () => {
    for (const [name, one] of Object.entries(INTERVENTIONS)) {
      folders[name] = await compileTo(one, { ...(name === 'texts' && { tokenizer: TOY }) });
    }
    for (const [name, inputs] of RUNS) {
      const bundle = await loadBundle(folders[name]!);
      results.push(plain(await bundle(inputs as never)));
      await bundle.release();
    }
  }, 120_000);

  it('gives what Python gave', () => {
    if (process.env.WRITE && hasPython) writeFileSync(FIXTURE, `${JSON.stringify(inPython(folders))}\n`);
    expect(rounded(results)).toEqual(rounded(JSON.parse(readFileSync(FIXTURE, 'utf8'))));
  });

  it.skipIf(!hasPython)('and gives it now', () => {
    expect(rounded(results)).toEqual(rounded(inPython(folders)));
  });
});

function inPython(folders: Readonly<Record<string, string>>): unknown {
  const input = JSON.stringify(RUNS.map(([name, inputs]) => [folders[name], inputs]));
  const { stdout, stderr } = spawnSync(PYTHON, [root('test/tools/run_bundle.py')], { input, encoding: 'utf8' });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout);
}

it('the schema of manifests in the package is that of the code', () => {
  const path = root('bundle.schema.json');
  const text = `${JSON.stringify(z.toJSONSchema(manifestSchema), null, 2)}\n`;
  if (process.env.WRITE) writeFileSync(path, text);
  expect(existsSync(path) && readFileSync(path, 'utf8')).toBe(text);
});

it('data that is captured is written once, and the model keeps what it says of itself', async () => {
  const data = Float32Array.from({ length: 128 * 16 }, (_, i) => Math.sin(i));
  const bank = new Tensor('float32', [128, 16], data);
  const norms = intervention({ second: 'float32', first: 'float32' }, (model: LanguageModel, { first, second }) =>
    [...model.transformer.h].map((layer) => save(matmul(layer.output * first + second, bank).norm())),
  );
  const folder = await compileTo(norms);
  const model = decodeModel(readFileSync(`${folder}/steer.onnx`));
  const original = decodeModel(readFileSync(root('models/toy-gpt2/model.onnx')));
  const captured = model.graph!.initializer.filter(({ dims }) => dims.join() === '128,16');
  expect(captured).toHaveLength(1);
  expect(readFileSync(`${folder}/steer.data`)).toEqual(Buffer.from(data.buffer));
  const steer = await loadBundle(folder);
  const inputs = { input_ids: [[1, 2, 3]], first: 2, second: 1 };
  const lm = await LanguageModel.load(root('models/toy-gpt2'), { device: 'cpu' });
  const live = await norms(lm, inputs);
  const numbers = (tensors: readonly Tensor[]) => tensors.map((one) => Number(one.item()).toPrecision(5));
  expect(numbers((await steer(inputs)) as Tensor[])).toEqual(numbers(live as unknown as Tensor[]));
  expect(model.graph!.input.map(({ name }) => name).slice(-2)).toEqual(['second', 'first']);
  const { producerName, producerVersion, domain, modelVersion, docString } = original;
  expect(model).toMatchObject({ producerName, producerVersion, domain, modelVersion, docString });
  const metadata = Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value]));
  expect(metadata['onnsight.parameters']).toBe('second: float32[], first: float32[]');
});
