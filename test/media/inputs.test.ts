import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NNsight, readImage, save, type Tensor } from 'onnsight';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FeatureExtractor } from '../../runtime/media/feature-extractor.ts';
import { ImageProcessor } from '../../runtime/media/image-processor.ts';
import { readAudio } from '../../runtime/media/raw-audio.ts';
import { makeGraph, makeModel, makeNode, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel } from '../../runtime/onnx/proto.ts';
import { modelPath } from '../support/fixtures.ts';

const at = (name: string) => fileURLToPath(new URL(`../fixtures/media/${name}`, import.meta.url));
const { pictures, sounds } = JSON.parse(readFileSync(at('processed.json'), 'utf8'));
const VIT = pictures[0].config;

let folder: string;
// biome-ignore lint/suspicious/noExplicitAny: the modules of these models are not known to the type checker.
let vit: any;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'onnsight-media-'));
  cpSync(modelPath('zoo/vit', 'ts'), join(folder, 'model.onnx'));
  writeFileSync(join(folder, 'preprocessor_config.json'), JSON.stringify(VIT));
  vit = await NNsight.load(folder, { device: 'cpu' });
});
afterAll(() => rmSync(folder, { recursive: true }));

async function pixels(...names: string[]): Promise<Tensor> {
  const images = await Promise.all(names.map((name) => readImage(at(name))));
  return new ImageProcessor(VIT.image_processor_type, VIT).pixels(images);
}

describe('pictures', () => {
  test('by their files, their bytes, and as they were read', async () => {
    const expected = await vit.trace({ pixel_values: await pixels('wide.png', 'tall.png') }, () => save(vit.output));
    const read = await readImage(at('tall.png'));
    for (const image of [
      [at('wide.png'), at('tall.png')],
      [readFileSync(at('wide.png')), read],
    ]) {
      const found = await vit.trace({ image }, () => save(vit.output));
      expect(found.data).toEqual(expected.data);
    }
  });

  test('in invokes, as they were read; a file is an error at its line', async () => {
    const [wide, tall] = await Promise.all(['wide.png', 'tall.png'].map((name) => readImage(at(name))));
    const found: Tensor[] = [];
    await vit.trace((tracer: { invoke: (inputs: unknown, block: () => void) => void }) => {
      for (const image of [wide, tall]) tracer.invoke({ image }, () => void found.push(save(vit.output)));
    });
    const one = await vit.trace({ image: at('tall.png') }, () => save(vit.output));
    for (const [i, value] of found[1]!.data.entries()) expect(value).toBeCloseTo(one.data[i]!, 5);
    const wrong = vit.trace((tracer: { invoke: (inputs: unknown, block: () => void) => void }) => {
      tracer.invoke({ image: at('wide.png') }, () => void save(vit.output)); // @invoke
    });
    await expect(wrong).rejects.toThrow(
      /inputs\.test\.ts:\d+:\d+ - In a block a picture cannot be waited for: read it before, const image = await readImage\(…\)/,
    );
  });

  test.each<[string, unknown, RegExp]>([
    [
      'a number',
      5,
      /inputs\.test\.ts:\d+:\d+ - The input image is a file, its bytes, what readImage gave, or a list of these, not number\./,
    ],
    ['no file', 'nowhere.png', /inputs\.test\.ts:\d+:\d+ - nowhere\.png cannot be read as a picture/],
    ['none', [], /The input image is an empty list/],
    // biome-ignore lint/suspicious/noSparseArray: it is what is tested.
    ['a hole', [, 'x.png'], /inputs\.test\.ts:\d+:\d+ - (The input image is a file.*not undefined|x\.png cannot)/],
    [
      'too few bytes',
      { width: 2, height: 2, data: new Uint8Array(3) },
      /2 × 2 pixels has 12 bytes \(red, green, blue\), and this one has 3/,
    ],
  ])('%s is an error', async (_, image, says) => {
    await expect(vit.trace({ image }, () => save(vit.output))).rejects.toThrow(says);
  });
});

test('a picture beside its own pixels is an error', async () => {
  const both = { image: await readImage(at('wide.png')), pixel_values: await pixels('wide.png') };
  await expect(vit.trace(both, () => save(vit.output))).rejects.toThrow(
    'The inputs have both image and pixel_values, which is made of it.',
  );
});

test('sound, by its file or as it was read', async () => {
  const { config } = sounds[2];
  const path = join(folder, 'sound');
  const square = makeNode('Mul', ['input_values', 'input_values'], ['y'], {}, '/square/Mul');
  const info = (name: string) => makeValueInfo(name, 'float32', ['batch', 'samples']);
  const graph = makeGraph('squares', [square], [info('input_values')], [info('y')], []);
  mkdirSync(path);
  writeFileSync(join(path, 'model.onnx'), encodeModel(makeModel(graph)));
  writeFileSync(join(path, 'preprocessor_config.json'), JSON.stringify(config));
  const model = await NNsight.load(path, { device: 'cpu' });
  const audio = readAudio(at('tone.wav'));
  const expected = new FeatureExtractor(config.feature_extractor_type, config).features([audio]).data.map((x) => x * x);
  for (const given of [at('tone.wav'), audio]) {
    const found = await model.trace({ audio: given }, () => save(model.output));
    expect(found.data).toEqual(expected);
  }
});
