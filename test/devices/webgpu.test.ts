import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LanguageModel, NNsight, save, Tensor } from 'onnsight';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { missingForVulkan } from '../../runtime/ort/node/vulkan.ts';
import { expectResults } from '../reference/expect-results.ts';
import { interventions } from '../reference/interventions.ts';
import { modelPath } from '../support/fixtures.ts';
import { expectClose, maxDifference, reference, TOY } from '../support/toy.ts';
import { inputsOf, loadZoo, readModules, zooReference } from '../zoo/zoo.ts';
import { given, modelOf, ownNodes } from './own-nodes.ts';
import { programs } from './programs.ts';
import { provideWebGpu } from './vulkan-driver.ts';

/*
 * Results agree with PyTorch to 1e-4, as on the CPU. A software driver needs half a second for a run that takes the CPU
 * some milliseconds, so the costly parts are samples.
 */
const MODULES = ['cnn', 'llama', 'vit'];
const CELLS = [
  [0, 1],
  [2, 14],
] as const;

const absent = provideWebGpu();
beforeEach((context) => {
  if (absent !== null) context.skip(`not run: no WebGPU here, for ${absent}`);
});

const folder = mkdtempSync(join(tmpdir(), 'onnsight-webgpu-'));
afterAll(() => rmSync(folder, { recursive: true }));

const toy = lazy(() => LanguageModel.load(TOY, { device: 'webgpu' }));
const mlp = lazy(() => loadZoo('mlp', 'ts', 'webgpu'));

/** Loads the models of the first test, and only if a test runs. */
function lazy<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined;
  return () => {
    loaded ??= load();
    return loaded;
  };
}

const numbers = (tensor: Tensor) => Array.from(tensor.data as ArrayLike<number>, Number);

describe('the device', () => {
  it('is taken by its name', async () => {
    expect((await toy()).device).toBe('webgpu');
  });

  it('is what auto takes if it computes on a GPU, and not if on the CPU', async () => {
    const isHardware = process.platform !== 'linux' || missingForVulkan() === null;
    const model = await NNsight.load(modelPath('zoo/mlp', 'ts'));
    if (isHardware) expect(['webgpu', 'cuda']).toContain(model.device);
    else expect(model.device).not.toBe('webgpu');
  });

  it('can be left and taken again', async () => {
    const there = await mlp();
    const inputs = inputsOf(zooReference('mlp'));
    const here = await there.to('cpu');
    const back = await here.to('webgpu');
    expect([here.device, back.device]).toEqual(['cpu', 'webgpu']);
    const [wanted, got] = await Promise.all(
      [here, back].map((model) => model.trace(inputs, () => save(model.layer1.output))),
    );
    expect(maxDifference(numbers(got!), numbers(wanted!))).toBeLessThan(1e-6);
  });
});

describe('interventions on the toy GPT-2 agree with PyTorch', () => {
  const whole = Object.entries(interventions).filter(([name]) => name !== 'patching');

  it.each(whole)('%s', async (name, intervention) => {
    expectResults(name, await intervention(await toy(), reference));
  });

  it.each(CELLS)('patching layer %i at position %i', async (layer, position) => {
    const lm = await toy();
    const { ids, prompts, cases } = reference;
    const clean = await lm.trace([ids.clean], () => save(lm.transformer.h[layer].output));
    const answer = lm.tokenizer.token_to_id(prompts.answer)!;
    const wrong = lm.tokenizer.token_to_id(prompts.wrong)!;
    const difference = await lm.trace([ids.corrupt], () => {
      lm.transformer.h[layer].output[`:, ${position}`] = clean[`:, ${position}`];
      const last = lm.lm_head.output['0, -1'];
      return save(last[answer] - last[wrong]);
    });
    expect(Math.abs(difference.item() - cases.patching.grid[layer][position])).toBeLessThan(1e-4);
  });

  it.each([true, false])('generates the same tokens, with a key-value cache: %s', async (useCache) => {
    const lm = await toy();
    const { sequences } = await lm.generate(reference.prompts.fact, { maxNewTokens: 4, useCache, stopTokens: [] });
    const ids = Array.from(sequences.data, Number);
    expect(ids.length).toBe(13);
    expect(ids).toEqual(reference.cases.generate.plain.slice(0, 13));
  });
});

describe.each(MODULES)('%s', (name) => {
  it('one trace reads the modules as PyTorch saw them', async () => {
    const pairs = await readModules(await loadZoo(name, 'ts', 'webgpu'), name);
    expect(pairs.length).toBeGreaterThan(1);
    for (const { what, actual, expected } of pairs) expectClose(actual, expected, what);
  });
});

describe('programs', () => {
  it.each(Object.entries(programs))('%s', async (_, { run, gives }) => {
    const result = await run(await mlp());
    expect(numbers(result)).toEqual(gives);
  });
});

describe("a model's own nodes", () => {
  it.each(Object.entries(ownNodes))('%s', async (name, { nodes, gives }) => {
    const path = join(folder, `${name}.onnx`);
    writeFileSync(path, modelOf(nodes));
    const model = await NNsight.load(path, { device: 'webgpu' });
    const { y } = await model.trace({ x: given });
    expect(numbers(y!)).toEqual(gives);
  });

  it('run on nothing', async () => {
    const model = await NNsight.load(modelPath('zoo/bert', 'dynamo'), { device: 'webgpu' });
    const { inputs } = zooReference('bert');
    const nothing = Object.fromEntries(Object.keys(inputs).map((key) => [key, Tensor.from([], 'int64', [2, 0])]));
    const [output] = Object.values(await model.trace(nothing));
    expect(output!.dims).toEqual([2, 0, 32]);
  });
});
