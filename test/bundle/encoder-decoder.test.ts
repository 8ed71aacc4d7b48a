import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { intervention, LanguageModel, save, type Tensor } from 'onnsight';
import { loadBundle } from 'onnsight/bundle';
import { describe, expect, it } from 'vitest';
import type { InterventionFunction } from '../../runtime/api/intervention.ts';
import { ModelMap } from '../../runtime/api/model-map.ts';
import { buildBundle } from '../../runtime/bundle/build/build.ts';
import { loaderTypes } from '../../runtime/bundle/build/loader-source.ts';
import { writeBundle } from '../../runtime/bundle/build/write.ts';
import { modelPlace } from '../../runtime/language/model-place.ts';
import { readParts } from '../../runtime/onnx/read-parts.ts';
import { freshFolder } from './support/build.ts';

/** Small random models in optimum's files, with what transformers computes: test/tools/seq2seq_fixtures.py. */
const folderOf = (name: string) => fileURLToPath(new URL(`../fixtures/seq2seq/${name}`, import.meta.url));
const referenceOf = (name: string) => JSON.parse(readFileSync(join(folderOf(name), 'reference.json'), 'utf8'));

async function compile(name: string, one: unknown, tokenizer?: string) {
  const { model } = await readParts(await modelPlace(folderOf(name), {}));
  const built = await buildBundle(new ModelMap(model), one as InterventionFunction, {
    name: 'scale',
    source: { file: 'test.ts', line: 1, column: 1 },
    tokenizer,
  });
  const folder = freshFolder();
  writeBundle(built, folder);
  return loadBundle<unknown, Record<string, Tensor>>(folder);
}

interface Values {
  readonly dims: readonly number[];
  readonly data: readonly number[];
}

function expectClose({ dims, data }: Tensor, expected: Values): void {
  expect(dims).toEqual(expected.dims);
  for (const [i, value] of expected.data.entries()) expect(Math.abs(Number(data[i]) - value)).toBeLessThan(5e-4);
}

const MODELS = ['t5', 'bart', 'whisper'];
/** As their config.json has it. */
const STARTS: Record<string, number> = { t5: 0, bart: 2 };

describe.each(MODELS)('a bundle of %s', async (name) => {
  const reference = referenceOf(name);
  const [layer, , inDecoder] = Object.keys(reference.modules) as [string, string, string];
  const scale = intervention({ by: { type: 'float32', default: 1 } }, (model: LanguageModel, { by }) => {
    model.get(layer).output *= by;
    return { logits: save(model.output), inside: save(model.get(inDecoder).output) };
  });
  const kept = intervention(
    { by: { type: 'float32', default: 1 } },
    (model: LanguageModel, { by }) => {
      model.get(layer).output *= by;
    },
    { outputs: 'model' },
  );

  it('gives what PyTorch does, with a change of the encoder or none', async () => {
    const lm = await LanguageModel.load(folderOf(name), { device: 'cpu' });
    const prompt = name === 'whisper' ? { audio: join(folderOf(name), 'tone.wav') } : [reference.rows[0]];
    const encoder = name === 'whisper' ? 'input_features' : 'input_ids';
    const inputs = await lm.trace(prompt, () => ({
      [encoder]: save(lm.inputs[encoder]!),
      decoder_input_ids: save(lm.inputs.decoder_input_ids!),
    }));
    const bundle = await compile(name, scale);
    const clean = await bundle(inputs);
    expectClose(clean.logits!, reference.logits);
    expectClose(clean.inside!, reference.modules[inDecoder]);
    expectClose((await bundle({ ...inputs, by: 0.5 })).logits!, reference.encoder_halved);
    const whole = await compile(name, kept);
    const outputs = await whole({ ...inputs, by: 0.5 });
    expectClose(outputs.logits!, reference.encoder_halved);
    expect(Object.keys(outputs)).toEqual(Object.keys(await lm.trace(prompt)));
    await Promise.all([bundle.release(), whole.release()]);
  });

  it.skipIf(name === 'whisper')('takes texts of different lengths, each as if alone, as live', async () => {
    const texts = ['Rome', 'The Eiffel Tower is in the city of'];
    const bundle = await compile(name, scale, folderOf(name));
    const { tokenizer } = bundle.manifest;
    expect(tokenizer).toMatchObject({ side: 'right', start: STARTS[name] });
    expect(loaderTypes(bundle.manifest)).toContain('readonly decoder_input_ids?: TensorData | undefined };');
    const { logits } = await bundle(texts);
    const lm = await LanguageModel.load(folderOf(name), { device: 'cpu' });
    const live = await lm.trace(texts, () => save(lm.output));
    expectClose(logits!, { dims: live.dims, data: Array.from(live.data, Number) });
    for (const [i, text] of texts.entries()) {
      const alone = (await bundle(text)).logits!;
      expectClose(logits![i]!, { dims: alone.dims.slice(1), data: Array.from(alone.data, Number) });
      const tokens = { input_ids: [bundle.tokenizer!.encode(text).ids], decoder_input_ids: [[tokenizer!.start!]] };
      expect((await bundle(tokens)).logits!.data).toEqual(alone.data);
    }
    await bundle.release();
  });
});
