import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type RawImage, readAudio, readImage } from 'onnsight';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { FeatureExtractor } from '../../runtime/media/feature-extractor.ts';
import { ImageProcessor } from '../../runtime/media/image-processor.ts';
import { isRawImage } from '../../runtime/media/raw-image.ts';

/** The path of a file in fixtures/media. */
const at = (name: string) => fileURLToPath(new URL(`../fixtures/media/${name}`, import.meta.url));
/** What the processors of transformers make, by test/tools/media_fixtures.py. */
const { pictures, sounds } = JSON.parse(readFileSync(at('processed.json'), 'utf8'));

// biome-ignore lint/suspicious/noExplicitAny: a file of cases.
type Named = [type: string, name: string, one: any];

function expectClose(found: readonly number[], wanted: readonly number[], tolerance: number): void {
  expect(found).toHaveLength(wanted.length);
  const far = found.findIndex(
    (value, i) => !(Math.abs(value - wanted[i]!) <= tolerance * Math.max(1, Math.abs(wanted[i]!))),
  );
  expect(far < 0 ? '' : `element ${far}: ${found[far]}, not ${wanted[far]}`).toBe('');
}

describe('pixels of pictures are those of transformers', () => {
  test.each<Named>(pictures.map((one: Named[2]) => [one.config.image_processor_type, one.picture, one]))(
    '%s of %s',
    async (type, name, one) => {
      const pixels = new ImageProcessor(type, one.config).pixels([await readImage(at(name))]);
      expect(pixels.dims).toEqual(one.dims);
      const [, , height, width] = pixels.dims as [number, number, number, number];
      const data = Array.from(pixels.data);
      const sums = Array.from({ length: 3 * height }, (_, row) =>
        data.slice(row * width, (row + 1) * width).reduce((sum, value) => sum + value, 0),
      );
      expectClose(sums, one.sums, 1e-4);
      const diagonal = [0, 1, 2].flatMap((c) =>
        Array.from({ length: height }, (_, y) => data[(c * height + y) * width + ((3 * y + c) % width)]!),
      );
      expectClose(diagonal, one.diagonal, 1e-5);
    },
  );
});

describe('features of sound are those of transformers', () => {
  test.each<Named>(sounds.map((one: Named[2], i: number) => [one.config.feature_extractor_type, i, one]))(
    '%s, %i',
    (type, _, one) => {
      const features = new FeatureExtractor(type, one.config).features([readAudio(at('tone.wav'))]);
      expect(features.dims).toEqual(one.dims);
      const data = Array.from(features.data);
      expectClose(
        data.filter((_, i) => i % one.step === 0),
        one.values,
        2e-4,
      );
      expectClose([data.reduce((sum, value) => sum + value, 0)], [one.sum], 1e-3);
    },
  );
});

test('samples of every format of a WAV file', () => {
  const expected = [0, 0.5, -0.5, 0.25];
  const wav = (code: number, bits: number, write: (view: DataView, offset: number, value: number) => void) => {
    const bytes = new Uint8Array(44 + (expected.length * bits) / 8);
    const view = new DataView(bytes.buffer);
    for (const [offset, text] of [
      [0, 'RIFF'],
      [8, 'WAVE'],
      [12, 'fmt '],
      [36, 'data'],
    ] as const) {
      bytes.set(new TextEncoder().encode(text), offset);
    }
    view.setUint32(16, 16, true);
    view.setUint16(20, code, true);
    view.setUint16(22, 1, true);
    view.setUint32(24, 8000, true);
    view.setUint16(32, bits / 8, true);
    view.setUint16(34, bits, true);
    view.setUint32(40, bytes.length - 44, true);
    expected.forEach((value, i) => {
      write(view, 44 + (i * bits) / 8, value);
    });
    return bytes;
  };
  const files = [
    wav(1, 8, (view, at, value) => view.setUint8(at, value * 128 + 128)),
    wav(1, 16, (view, at, value) => view.setInt16(at, value * 2 ** 15, true)),
    wav(1, 24, (view, at, value) => {
      view.setInt8(at + 2, Math.floor((value * 2 ** 23) / 2 ** 16));
      view.setUint16(at, (value * 2 ** 23) & 0xffff, true);
    }),
    wav(1, 32, (view, at, value) => view.setInt32(at, value * 2 ** 31, true)),
    wav(3, 32, (view, at, value) => view.setFloat32(at, value, true)),
    wav(3, 64, (view, at, value) => view.setFloat64(at, value, true)),
  ];
  for (const file of files)
    expect(readAudio(file)).toEqual({ samplingRate: 8000, samples: Float32Array.from(expected) });
});

describe('what cannot be used is an error in words', () => {
  const image: RawImage = { width: 4, height: 3, data: new Uint8Array(36) };
  const tone = { samplingRate: 16_000, samples: new Float32Array(32_000) };

  test.each<[string, () => unknown, string]>([
    [
      'another class',
      () => new ImageProcessor('OneFormerImageProcessor', {}),
      'What a OneFormerImageProcessor does to a picture is not known here (only ViTImageProcessor, DeiTImageProcessor',
    ],
    [
      'padding',
      () => new ImageProcessor('ViTImageProcessor', { do_pad: true }),
      'What a ViTImageProcessor with do_pad does',
    ],
    [
      'pictures of two sizes',
      () =>
        new ImageProcessor('ViTImageProcessor', { do_resize: false }).pixels([
          image,
          { ...image, width: 3, height: 4 },
        ]),
      'they become 4 × 3 and 3 × 4 pixels. Give a trace for each.',
    ],
    [
      'a part without a size',
      () => new ImageProcessor('ViTImageProcessor', { do_center_crop: true }).pixels([image]),
      'has do_center_crop and no crop_size',
    ],
    [
      'frames of an odd length',
      () => new FeatureExtractor('WhisperFeatureExtractor', { n_fft: 401 }),
      'What the setting n_fft of preprocessor_config.json does to sound is not known here',
    ],
    [
      'a name of every object',
      () => new ImageProcessor('toString', {}),
      'What a toString does to a picture is not known',
    ],
    [
      'a setting that is on',
      () => new ImageProcessor('ViTImageProcessor', { do_flip_channel_order: true }),
      'What the setting do_flip_channel_order of preprocessor_config.json does to a picture is not known here',
    ],
    [
      'a setting for sound',
      () => new FeatureExtractor('WhisperFeatureExtractor', { do_normalize: true }),
      'What the setting do_normalize of preprocessor_config.json does to sound is not known here',
    ],
    [
      'half a pixel',
      () => isRawImage({ width: 1.5, height: 2, data: new Uint8Array(9) }),
      '1.5 × 2 pixels has 9 bytes',
    ],
    [
      'pixels from 0 to 1',
      () => isRawImage({ width: 1, height: 1, data: new Float32Array(3) }),
      'The data of a picture is a Uint8Array of red, green and blue, from 0 to 255.',
    ],
    [
      'a part that is longer than the file',
      () => readAudio(readFileSync(at('tone.wav')).subarray(0, 100)),
      '100 bytes cannot be read as sound: it is cut short',
    ],
    [
      'another class for sound',
      () => new FeatureExtractor('SpeechT5FeatureExtractor', {}),
      'What a SpeechT5FeatureExtractor does to sound is not known here',
    ],
    [
      'another rate',
      () => new FeatureExtractor('Wav2Vec2FeatureExtractor', { sampling_rate: 8000 }).features([tone]),
      'takes sound of 8000 samples a second, and this has 16000: ffmpeg -i in.wav -ar 8000',
    ],
    [
      'too long a sound',
      () => new FeatureExtractor('WhisperFeatureExtractor', { chunk_length: 1 }).features([tone]),
      'hears 1 s at a time, and the sound has 2.0 s: cut it',
    ],
    [
      'sounds of two lengths',
      () =>
        new FeatureExtractor('Wav2Vec2FeatureExtractor', {}).features([
          tone,
          { ...tone, samples: new Float32Array(5) },
        ]),
      'they have 32000 and 5 samples',
    ],
    ['no sound', () => readAudio(at('wide.png')), 'cannot be read as sound: it is no WAV file'],
    [
      'half a file',
      () => readAudio(readFileSync(at('tone.wav')).subarray(0, 30)),
      '30 bytes cannot be read as sound: it is cut short',
    ],
    ['no file', () => readAudio('nowhere.wav'), 'nowhere.wav cannot be read as sound: ENOENT'],
  ])('%s', (_, run, says) => {
    expect(run).toThrow(says);
  });

  test('pictures whose colours would be others', async () => {
    const cmyk = await sharp({ create: { width: 4, height: 4, channels: 3, background: 'red' } })
      .toColourspace('cmyk')
      .jpeg()
      .toBuffer();
    await expect(readImage(cmyk)).rejects.toThrow('its colours are those of a printer (CMYK): convert it to RGB');
    const gray = await sharp({ create: { width: 4, height: 4, channels: 3, background: 'red' } })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    await expect(readImage(gray)).rejects.toThrow('it is gray with 16 bits: convert it to 8');
  });

  test('no picture', async () => {
    await expect(readImage(at('tone.wav'))).rejects.toThrow('tone.wav cannot be read as a picture: ');
    await expect(readImage('nowhere.png')).rejects.toThrow('nowhere.png cannot be read as a picture: ');
    await expect(readImage(new Uint8Array(3))).rejects.toThrow('3 bytes cannot be read as a picture: ');
  });
});
