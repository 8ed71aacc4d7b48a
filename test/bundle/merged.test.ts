import { readFileSync } from 'node:fs';
import { intervention, type LanguageModel, save, type Tensor } from 'onnsight';
import { loadBundle } from 'onnsight/bundle';
import { expect, it } from 'vitest';
import type { InterventionFunction } from '../../runtime/api/intervention.ts';
import { ModelMap } from '../../runtime/api/model-map.ts';
import { buildBundle } from '../../runtime/bundle/build/build.ts';
import { writeBundle } from '../../runtime/bundle/build/write.ts';
import { modelPlace } from '../../runtime/language/model-place.ts';
import { readParts } from '../../runtime/onnx/read-parts.ts';
import { fixturePath } from '../published/fixture-path.ts';
import { freshFolder } from './support/build.ts';

/** Decoders whose file has a branch with a key-value cache and one without, with what PyTorch and transformers compute. */
async function compile(path: string, file: string, one: unknown) {
  const { model } = await readParts(await modelPlace(fixturePath(path), { file }));
  const source = { file: 'test.ts', line: 1, column: 1 };
  const built = await buildBundle(new ModelMap(model), one as InterventionFunction, { name: 'merged', source });
  const folder = freshFolder();
  writeBundle(built, folder);
  return loadBundle<unknown, Record<string, Tensor>>(folder);
}

const jsonOf = (path: string) => JSON.parse(readFileSync(fixturePath(path), 'utf8'));

it('a bundle of a merged T5 gives what PyTorch does, and so does a change of a module that stands in both branches', async () => {
  const { inputs, modules, writes, output } = jsonOf('t5-merged/dec.json');
  const bytes = readFileSync(fixturePath('t5-merged/dec.bin'));
  const [path, scaled] = ['decoder.block.1.layer.0', 'decoder.block.0.layer.0.SelfAttention.q'];
  const halve = intervention({ by: 'float32' }, (model: LanguageModel, { by }) => {
    model.get(path).output *= by;
    return { logits: save(model.output), inside: save(model.get(scaled).output) };
  });
  const bundle = await compile('t5-merged', 'decoder_model_merged.onnx', halve);
  const given = { input_ids: jsonOf('t5-merged/gen.json').prompt, decoder_input_ids: [inputs.input_ids.data] };
  const expectClose = (found: Tensor, { dims, at }: { dims: number[]; at: number }) => {
    expect(found.dims).toEqual(dims);
    const off = Array.from(found.data, (one, i) => Math.abs(Number(one) - bytes.readFloatLE(4 * (at + i))));
    expect(Math.max(...off)).toBeLessThan(1e-4);
  };
  const clean = await bundle({ ...given, by: 1 });
  expectClose(clean.logits!, output);
  expectClose(clean.inside!, modules[scaled][0]);
  const write = writes.find((one: { path: string; op: string }) => one.path === path && one.op === 'scale');
  expectClose((await bundle({ ...given, by: 0.5 })).logits!, write.output);
  await bundle.release();
});

it('a bundle of a merged GPT-2 says the tokens of transformers, with its cache and without', async () => {
  const { prompt, greedy } = jsonOf('gpt2-merged/gen.json');
  const same = intervention((_: LanguageModel) => {}, { outputs: 'model' });
  const bundle = await compile('gpt2-merged', 'onnx/decoder_model_merged.onnx', same);
  const tokens: number[] = [...prompt[0]];
  const next = ({ logits }: Record<string, Tensor>) => Number(logits!['0, -1'].argmax().item());
  for (const _ of greedy) tokens.push(next(await bundle({ input_ids: [tokens] })));
  expect(tokens.slice(prompt[0].length)).toEqual(greedy);
  const branch = bundle.manifest.inputs.find(({ name, used }) => name === 'use_cache_branch' && used);
  let given: Record<string, unknown> = { input_ids: prompt };
  const cached: number[] = [];
  while (cached.length < greedy.length) {
    const outputs = await bundle({ ...given, ...(branch && { use_cache_branch: [cached.length > 0] }) });
    cached.push(next(outputs));
    const past = Object.entries(outputs).filter(([name]) => name.startsWith('present'));
    const length = past[0]![1].dims[2]!;
    given = {
      input_ids: [cached.slice(-1)],
      attention_mask: [Array.from({ length: length + 1 }, () => 1)],
      ...Object.fromEntries(past.map(([name, one]) => [name.replace('present', 'past_key_values'), one])),
    };
  }
  expect(cached).toEqual(greedy);
  await bundle.release();
});
