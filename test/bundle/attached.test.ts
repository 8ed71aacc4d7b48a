import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { backward, intervention, type LanguageModel, NNsight, save, sum, type Tensor } from 'onnsight';
import { loadBundle } from 'onnsight/bundle';
import { describe, expect, it } from 'vitest';
import { ModelMap } from '../../runtime/api/model-map.ts';
import { manifestSchema } from '../../runtime/bundle/schema.ts';
import { walk } from '../../runtime/modules/module.ts';
import { readModel } from '../../runtime/onnx/read.ts';
import { expectClose, loadToy, reference } from '../support/toy.ts';
import { build, compileTo, runBare, runLive, TOY_MODEL } from './support/build.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
/** What PyTorch gives with the same autoencoder in the place of the first block's output. */
const { sae: expected } = JSON.parse(readFileSync(fixture('parity.json'), 'utf8'));
const inputs = { input_ids: [reference.ids.clean] };

const kinds = ['ts', 'dynamo'] as const;
const clamp = Object.fromEntries(
  kinds.map((kind) => [
    kind,
    intervention(
      { value: { type: 'float32', default: 5 } },
      (gpt2: LanguageModel, { value }) => {
        const block = gpt2.transformer.h[0];
        block.output = block.sae(block.output);
        const features = save(block.sae.relu.output['0, -1'].clone());
        block.sae.relu.output['..., 7'] = value;
        return { features, logits: save(gpt2.lm_head.output['0, -1']) };
      },
      { attach: { 'transformer.h.0.sae': NNsight.load(fixture(`zoo/sae.${kind}.onnx`)) } },
    ),
  ]),
);

describe('a bundle of a block that calls an autoencoder', () => {
  it.each([
    ['ts', { weights: 'link' }],
    ['dynamo', { weights: 'embed' }],
    ['dynamo', { optimize: true }],
  ] as const)('is one model: PyTorch gives the same, live and anywhere (%s, %o)', async (kind, options) => {
    const lm = await loadToy();
    const live = (await runLive(clamp[kind], lm, inputs)) as Record<string, Tensor>;
    const folder = await compileTo(clamp[kind], options);
    const bare = await runBare(folder, { ...inputs, value: 5 });
    const loaded = (await (await loadBundle(folder))(inputs)) as Record<string, Tensor>;
    for (const { features, logits } of [live, bare, loaded]) {
      expectClose(features!, expected.features);
      expectClose(logits!, expected.clamped);
    }
  });

  it('opened again, the model has the modules that it had', async () => {
    const paths = ({ tree }: ModelMap) => Array.from(walk(tree), ({ path }) => path);
    const again = new ModelMap(await readModel(`${await compileTo(clamp.dynamo)}/steer.onnx`));
    expect(paths(again)).toEqual(paths(new ModelMap(await readModel(TOY_MODEL))));
  });
});

const twice = intervention(
  (gpt2: LanguageModel) => {
    const { h } = gpt2.transformer;
    const [first, second] = [h[0].sae(h[0].output), h[2].sae(h[2].output)];
    h[2].sae.relu.output['..., 7'] = 5;
    backward(sum((first - h[0].output) ** 2));
    return {
      given: save(h[2].sae.input['0, -1']),
      first: save(first['0, -1']),
      second: save(second['0, -1']),
      gradient: save(h[0].output.grad['0, -1']),
    };
  },
  {
    attach: {
      'transformer.h[0].sae': NNsight.load(fixture('zoo/sae.ts.onnx')),
      'transformer.h.2.sae': NNsight.load(fixture('zoo/sae.dynamo.onnx')),
    },
  },
);

describe('a bundle of a block that calls two models', () => {
  it('gives what the block gives, gradients through them among it', async () => {
    const live = (await runLive(twice, await loadToy(), inputs)) as Record<string, Tensor>;
    const folder = await compileTo(twice);
    const bare = await runBare(folder, inputs);
    for (const [name, tensor] of Object.entries(live)) {
      expect(Math.max(...tensor.abs().data), name).toBeGreaterThan(1e-3);
      expectClose(bare[name]!, { dims: [...tensor.dims], data: Array.from(tensor.data, Number) }, name);
    }
  });
});

describe('what comes with a model that is called', () => {
  it('its weights and graph are in the bundle, and the manifest names it', async () => {
    const { manifest, weights } = await build(clamp.ts);
    expect(() => manifestSchema.parse(manifest)).not.toThrow();
    expect(weights.map(({ file }) => file.path)).toEqual(['model.onnx', 'steer.data']);
    const sae = await readModel(fixture('zoo/sae.ts.onnx'));
    expect(manifest.attached).toEqual([
      { path: 'transformer.h.0.sae', file: 'sae.ts.onnx', sha256: sae.hash, opset: 17 },
    ]);
    expect(manifest.writes.map(({ tensor }) => tensor)).toEqual([
      'transformer.h.0.sae.relu.output',
      'transformer.h.0.output',
    ]);
  });
});

describe('mistakes', () => {
  const attach = (path: string, model: unknown) =>
    build(intervention((gpt2: LanguageModel) => save(gpt2.lm_head.output), { attach: { [path]: model as never } }));
  const sae = NNsight.load(fixture('zoo/sae.ts.onnx'));

  it.each([
    ['transformer.g.0.sae', sae, /attached\.test\.ts:\d+:\d+ - no module transformer\.g/],
    ['transformer.h.0.mlp', sae, /attached\.test\.ts:\d+:\d+ - A model cannot be attached as transformer\.h\.0\.mlp/],
    ['transformer.h.0.sae', 'sae.onnx', /attached\.test\.ts:\d+:\d+ - The option attach has no model for/],
  ])('%s', async (path, model, message) => {
    await expect(attach(path, model)).rejects.toThrow(message);
  });

  it('an intervention inside of another one, which does not attach its models', async () => {
    const around = intervention((gpt2: LanguageModel) => clamp.ts!.inside(gpt2, { value: 1 }));
    await expect(build(around)).rejects.toThrow(
      /attached\.test\.ts:\d+:\d+ - The intervention calls the model at transformer\.h\.0\.sae, which is not attached/,
    );
  });

  it('a model that cannot be loaded', async () => {
    await expect(attach('transformer.h.0.sae', NNsight.load('absent.onnx'))).rejects.toThrow(/no such file: absent/);
  });
});
