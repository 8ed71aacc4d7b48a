import * as z from 'zod';
import { InputError } from '../inputs/signature.ts';
import { Tensor } from '../tensor/tensor.ts';
import { filterBank, framesOf } from './filter-bank.ts';
import { logMel } from './log-mel.ts';
import type { RawAudio } from './raw-audio.ts';
import { unknownSetting } from './unknown-setting.ts';

const count = z.number().int().positive();

/** The settings of a feature extractor for sound, in the words of `preprocessor_config.json`. */
export const audioSettings = z.looseObject({
  sampling_rate: count.nullish(),
  feature_size: count.nullish(),
  do_normalize: z.boolean().nullish(),
  n_fft: count.nullish(),
  hop_length: count.nullish(),
  chunk_length: count.nullish(),
  dither: z.literal(0).nullish(),
  num_mel_bins: count.nullish(),
  max_length: count.nullish(),
  mean: z.number().nullish(),
  std: z.number().positive().nullish(),
});
type AudioSettings = z.infer<typeof audioSettings>;

/** Settings that follow from others, or say nothing of a sound that stands alone. */
const WITHOUT_EFFECT = new Set([
  ...[
    'feature_extractor_type',
    'processor_class',
    'auto_map',
    'padding_side',
    'padding_value',
    'return_attention_mask',
  ],
  ...['n_samples', 'nb_max_frames', 'mel_filters', 'return_tensors', 'device'],
]);

const AST = 'ASTFeatureExtractor';
const TYPES = ['WhisperFeatureExtractor', 'Wav2Vec2FeatureExtractor', AST];

/** Settings that the Audio Spectrogram Transformer alone has. */
const OF_AST = ['num_mel_bins', 'max_length', 'mean', 'std'];

/** Makes a model's input of sound, as the feature extractor of transformers does that the model was trained with. */
export class FeatureExtractor {
  /** The input of the model that it makes. */
  readonly input: 'input_features' | 'input_values';
  readonly #isAst: boolean;
  readonly #settings: AudioSettings;

  /** Throws an InputError for a class that is not known here. */
  constructor(type: string, settings: AudioSettings) {
    if (!TYPES.includes(type)) {
      throw new InputError(
        `What a ${type} does to sound is not known here (only ${TYPES.join(', ')}): give the model's own input.`,
      );
    }
    this.#isAst = type === AST;
    const known = Object.keys(audioSettings.shape).filter((name) => this.#isAst || !OF_AST.includes(name));
    const other = unknownSetting(settings, known, WITHOUT_EFFECT);
    const isSpectrogram = type === 'WhisperFeatureExtractor';
    const isOdd = isSpectrogram && (settings.n_fft ?? 0) % 2 === 1;
    const wrong = isSpectrogram && settings.do_normalize ? 'do_normalize' : isOdd ? 'n_fft' : other;
    if (wrong) {
      throw new InputError(
        `What the setting ${wrong} of preprocessor_config.json does to sound is not known here: give the model's own input.`,
      );
    }
    this.input = isSpectrogram ? 'input_features' : 'input_values';
    this.#settings = settings;
  }

  /** float32 [sounds, mel filters, frames] for Whisper, [sounds, frames, mel filters] for AST, else [sounds, samples] */
  features(sounds: readonly RawAudio[]): Tensor {
    const wanted = this.#settings.sampling_rate ?? 16_000;
    const other = sounds.find(({ samplingRate }) => samplingRate !== wanted);
    if (other) {
      throw new InputError(
        `The model takes sound of ${wanted} samples a second, and this has ${other.samplingRate}: ffmpeg -i in.wav -ar ${wanted} out.wav.`,
      );
    }
    if (this.#isAst) return this.#energies(sounds, wanted);
    return this.input === 'input_features' ? this.#spectrograms(sounds, wanted) : this.#values(sounds);
  }

  #spectrograms(sounds: readonly RawAudio[], samplingRate: number): Tensor {
    const { feature_size, n_fft, hop_length, chunk_length } = this.#settings;
    const [filters, frame, hop, seconds] = [feature_size ?? 80, n_fft ?? 400, hop_length ?? 160, chunk_length ?? 30];
    const length = seconds * samplingRate;
    const frames = Math.floor(length / hop);
    const data = new Float32Array(sounds.length * filters * frames);
    sounds.forEach(({ samples }, i) => {
      if (samples.length > length) {
        const found = (samples.length / samplingRate).toFixed(1);
        throw new InputError(`The model hears ${seconds} s at a time, and the sound has ${found} s: cut it.`);
      }
      const whole = new Float32Array(length);
      whole.set(samples);
      data.set(logMel(whole, { filters, frame, hop, samplingRate }), i * filters * frames);
    });
    return new Tensor('float32', [sounds.length, filters, frames], data);
  }

  /** Frames beyond the end are 0 before all are normalized; further ones than the model takes are left out. */
  #energies(sounds: readonly RawAudio[], samplingRate: number): Tensor {
    const { num_mel_bins, max_length, do_normalize, mean, std } = this.#settings;
    const [filters, most] = [num_mel_bins ?? 128, max_length ?? 1024];
    const [middle, spread] = (do_normalize ?? true) ? [mean ?? -4.2677393, 2 * (std ?? 4.5689974)] : [0, 1];
    const data = new Float32Array(sounds.length * most * filters);
    sounds.forEach(({ samples }, i) => {
      const frames = Math.min(most, framesOf(samples));
      if (frames === 0)
        throw new InputError(`The sound has ${samples.length} samples, less than a frame of the model.`);
      data.set(filterBank(samples, { filters, frames, samplingRate }), i * most * filters);
    });
    return new Tensor(
      'float32',
      [sounds.length, most, filters],
      data.map((value) => (value - middle) / spread),
    );
  }

  #values(sounds: readonly RawAudio[]): Tensor {
    const { length } = sounds[0]!.samples;
    const other = sounds.find(({ samples }) => samples.length !== length);
    if (other) {
      throw new InputError(
        `The sounds cannot be batched: they have ${length} and ${other.samples.length} samples. Give a trace for each.`,
      );
    }
    const isNormalized = this.#settings.do_normalize ?? true;
    const rows = sounds.flatMap(({ samples }) => Array.from(isNormalized ? normalized(samples) : samples));
    return new Tensor('float32', [sounds.length, length], Float32Array.from(rows));
  }
}

/** Of mean 0 and variance 1. */
function normalized(samples: Float32Array): Float32Array {
  const mean = samples.reduce((sum, value) => sum + value, 0) / samples.length;
  const variance = samples.reduce((sum, value) => sum + (value - mean) ** 2, 0) / samples.length;
  return samples.map((value) => (value - mean) / Math.sqrt(variance + 1e-7));
}
