import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { intervention, type LanguageModel, type ParameterSpec, save } from 'onnsight';
import { loadBundle, type Tensor } from 'onnsight/bundle';
import { InferenceSession } from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { loaderTypes } from '../../runtime/bundle/build/loader-source.ts';
import { decodeModel } from '../../runtime/onnx/proto.ts';
import { loadToy, maxDifference } from '../support/toy.ts';
import { build, compileTo, runBare } from './support/build.ts';

const PYTHON = process.env.ONNSIGHT_PYTHON ?? 'python3';
const hasPython = spawnSync(PYTHON, ['-c', 'import numpy, onnxruntime']).status === 0;

const input_ids = [[0, 134, 41, 138, 165]];
const numbers = ({ data }: Tensor) => Array.from(data as ArrayLike<number>, Number);

let lm: Awaited<ReturnType<typeof loadToy>>;
beforeAll(async () => {
  lm = await loadToy();
});

describe('parameters with defaults', () => {
  const direction = Float32Array.from({ length: 128 }, (_, i) => (i === 0 ? -0 : i / 128));
  const steer = intervention(
    { alpha: { type: 'float32', default: 0 }, direction: { type: 'float32[128]', default: direction } },
    (model: LanguageModel, { alpha, direction: by }) => {
      model.transformer.h[1].output += by * alpha;
      return { logits: save(model.lm_head.output), by: save(by) };
    },
  );
  direction.fill(7); // the default is what it was

  it('make an intervention that does nothing unless it is told to, live and as a bundle', async () => {
    const plain = (await lm.trace({ input_ids })).logits!;
    const bundle = await loadBundle<object, Record<'logits' | 'by', Tensor>>(await compileTo(steer));
    const live = await steer(lm, { input_ids });
    const left = await bundle({ input_ids, alpha: undefined });
    for (const { logits } of [live, left]) expect(maxDifference(numbers(logits), numbers(plain))).toBeLessThan(1e-4);
    for (const { by } of [live, left]) expect(Object.is(numbers(by)[0], -0) && numbers(by)[64]).toBe(0.5);
    const [steered, given] = [await steer(lm, { input_ids }, { alpha: 2 }), await bundle({ input_ids, alpha: 2 })];
    expect(maxDifference(numbers(steered.logits), numbers(plain))).toBeGreaterThan(0.1);
    expect(maxDifference(numbers(steered.logits), numbers(given.logits))).toBeLessThan(1e-3);
    await bundle.release();
  });

  it('are left out inside another block, too', async () => {
    const { logits } = await lm.trace({ input_ids }, () => steer.inside(lm));
    expect(maxDifference(numbers(logits), numbers((await lm.trace({ input_ids })).logits!))).toBeLessThan(1e-4);
  });

  it('are taken where the parameter has the name of a member that all objects have', async () => {
    const one = intervention({ toString: { type: 'float32', default: 2 } }, (_: LanguageModel, parameters) => ({
      all: save(parameters.toString + 0),
    }));
    const { all } = await one(lm, { input_ids });
    expect(numbers(all)).toEqual([2]);
  });

  it('are in the metadata, the manifest and the types, and taken by the loader in Python', async () => {
    const folder = await compileTo(steer);
    const { metadataProps } = decodeModel(readFileSync(`${folder}/steer.onnx`));
    const metadata = Object.fromEntries(metadataProps.map(({ key, value }) => [key, value]));
    expect(JSON.parse(metadata['onnsight.defaults']!).alpha).toEqual({ dims: [], data: [0] });
    const { manifest } = await build(steer);
    expect(manifest.parameters[1]!.default!.data.slice(0, 2)).toEqual(['-0', 1 / 128]);
    expect(loaderTypes(manifest)).toMatch(/float32\[\]; 0 if it is left out \*\/\n {2}readonly alpha\?: number/);
    if (!hasPython) return;
    const tools = fileURLToPath(new URL('../tools/run_bundle.py', import.meta.url));
    const input = JSON.stringify([[folder, { input_ids }]]);
    const { stdout } = spawnSync(PYTHON, [tools], { input, encoding: 'utf8' });
    expect(JSON.parse(stdout)[0].by.data[64]).toBe(0.5);
  });

  it.each<[string, ParameterSpec, number]>([
    ['the largest int64', { type: 'int64', default: 2n ** 63n - 1n }, 2 ** 63],
    ['NaN', { type: 'float32', default: Number.NaN }, Number.NaN],
    ['no limit', { type: 'float16', default: -Infinity }, -Infinity],
    ['a truth', { type: 'bool', default: true }, 1],
  ])('%s', async (_, spec, expected) => {
    const echo = intervention({ a: spec }, (model: LanguageModel, { a }) => ({
      a: save(a),
      l: save(model.lm_head.output),
    }));
    const bundle = await loadBundle<object, Record<'a', Tensor>>(await compileTo(echo));
    expect(numbers((await bundle({ input_ids })).a)).toEqual([expected]);
    await bundle.release();
  });

  it.each<[string, unknown, RegExp]>([
    ['of another size', { type: 'float32[2]', default: [1] }, /default of the parameter 'a' does not fit it\..*size 2/],
    [
      'of another kind',
      { type: 'int64', default: 0.5 },
      /default of the parameter 'a' does not fit it\..*float32 values/,
    ],
    ['that is missing', { type: 'int64' }, /parameter 'a' has no default/],
    ['that is misspelt', { type: 'int64', default: 1, defualt: 1 }, /parameter 'a' has 'defualt'/],
  ])('one %s is an error at its line', (_, spec, message) => {
    const declare = () => intervention({ a: spec as ParameterSpec }, () => ({}));
    expect(declare).toThrow(message);
    expect(declare).toThrow(/defaults\.test\.ts:\d+:\d+ - /);
  });
});

describe("outputs: 'model'", () => {
  const steer = intervention(
    { alpha: { type: 'float32', default: 1 } },
    (model: LanguageModel, { alpha }) => {
      model.transformer.h[1].output *= alpha;
      return { norm: save(model.transformer.h[1].output.norm()) };
    },
    { outputs: 'model' },
  );

  it('gives a bundle the inputs and outputs of its model, so that it decodes with a cache', async () => {
    const folder = await compileTo(steer);
    const [mine, theirs] = await Promise.all(
      [`${folder}/steer.onnx`, 'models/toy-gpt2/model.onnx'].map((file) => InferenceSession.create(file)),
    );
    expect(mine!.inputNames).toEqual([...theirs!.inputNames, 'alpha']);
    expect(mine!.outputNames).toEqual([...theirs!.outputNames, 'norm']);
    const bundle = await loadBundle<object, Record<string, Tensor>>(folder);
    const whole = await bundle({ input_ids, alpha: 2 });
    const first = await bundle({ input_ids: [input_ids[0]!.slice(0, 3)], alpha: 2 });
    const past = Object.entries(first).filter(([name]) => name.startsWith('present'));
    const cache = Object.fromEntries(past.map(([name, value]) => [name.replace('present', 'past_key_values'), value]));
    const rest = await bundle({ input_ids: [input_ids[0]!.slice(3)], alpha: 2, ...cache });
    expect(maxDifference(numbers(rest.logits!), numbers(whole.logits!).slice(-2 * 189))).toBeLessThan(1e-4);
    const live = await steer(lm, { input_ids }, { alpha: 2 });
    expect(Object.keys(live)).toEqual(Object.keys(whole));
    expect(maxDifference(numbers(live['present.2.key']!), numbers(whole['present.2.key']!))).toBeLessThan(1e-4);
    expect(live.norm.item()).toBeCloseTo(whole.norm!.item() as number, 2);
    expect(Object.keys(await runBare(folder, { input_ids, alpha: 1 }))).toHaveLength(10);
    await bundle.release();
  });

  it('with a block that returns nothing the outputs alone', async () => {
    const half = intervention(
      (model: LanguageModel) => {
        model.transformer.h[1].output *= 0.5;
      },
      { outputs: 'model' },
    );
    expect(Object.keys(await half(lm, { input_ids }))).toContain('present.0.key');
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      'another option',
      () => intervention(() => ({}), { output: 'model' } as object),
      /no option 'output'; did you mean outputs/,
    ],
    [
      'another value',
      () => intervention(() => ({}), { outputs: 'all' as 'model' }),
      /outputs of intervention is 'model', not "all"/,
    ],
  ])('%s is an error at its line', (_, declare, message) => {
    expect(declare).toThrow(message);
    expect(declare).toThrow(/defaults\.test\.ts:\d+:\d+ - /);
  });

  it('a result with the name of an output, or no object, is an error', async () => {
    const double = intervention((model: LanguageModel) => ({ logits: save(model.lm_head.output) }), {
      outputs: 'model',
    });
    await expect(build(double)).rejects.toThrow(
      /defaults\.test\.ts:\d+:\d+ - The block returns 'logits', which is an output/,
    );
    const list = intervention((model: LanguageModel) => [save(model.lm_head.output)], { outputs: 'model' });
    await expect(build(list)).rejects.toThrow(/returns an object or nothing/);
  });
});
