/** What a spectrogram of Whisper is made with. */
export interface MelSettings {
  readonly filters: number;
  /** Samples of a frame. */
  readonly frame: number;
  /** Samples from one frame to the next. */
  readonly hop: number;
  readonly samplingRate: number;
}

/** The highest frequency that counts, in hertz. */
const HIGHEST = 8000;

/**
 * The logarithm of a sound's strength, by mel filter and frame, as Whisper takes it.
 * @returns float32 [filters, samples / hop]
 */
export function logMel(samples: Float32Array, settings: MelSettings): Float32Array {
  const { filters, frame, hop } = settings;
  const frames = Math.floor(samples.length / hop);
  const bins = frame / 2 + 1;
  const power = powerOf(samples, frames, settings);
  const weights = melFilters(bins, settings);
  const made = new Float32Array(filters * frames);
  for (let filter = 0; filter < filters; filter++) {
    for (let t = 0; t < frames; t++) {
      let sum = 0;
      for (let bin = 0; bin < bins; bin++) sum += weights[filter]![bin]! * power[t * bins + bin]!;
      made[filter * frames + t] = Math.log10(Math.max(sum, 1e-10));
    }
  }
  const loudest = made.reduce((most, value) => Math.max(most, value), -Infinity);
  return made.map((value) => (Math.max(value, loudest - 8) + 4) / 4);
}

/** The squared magnitude of the discrete Fourier transform of each frame: [frames, bins]. */
function powerOf(samples: Float32Array, frames: number, { frame, hop }: MelSettings): Float64Array {
  const bins = frame / 2 + 1;
  const window = Float64Array.from({ length: frame }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / frame));
  const [cosines, sines] = [Math.cos, Math.sin].map((wave) =>
    Float64Array.from({ length: frame }, (_, i) => wave((2 * Math.PI * i) / frame)),
  );
  const power = new Float64Array(frames * bins);
  const windowed = new Float64Array(frame);
  for (let t = 0; t < frames; t++) {
    for (let i = 0; i < frame; i++) windowed[i] = window[i]! * mirrored(samples, t * hop + i - frame / 2);
    for (let bin = 0; bin < bins; bin++) {
      let [real, imaginary] = [0, 0];
      for (let i = 0, turn = 0; i < frame; i++, turn = (turn + bin) % frame) {
        real += windowed[i]! * cosines![turn]!;
        imaginary += windowed[i]! * sines![turn]!;
      }
      power[t * bins + bin] = real * real + imaginary * imaginary;
    }
  }
  return power;
}

/** A sample; beyond the ends those before it, mirrored. */
function mirrored(samples: Float32Array, at: number): number {
  const last = samples.length - 1;
  return samples[last - Math.abs(last - Math.abs(at))]!;
}

/** Slaney's triangles, each of the same area: [filters][bins]. */
function melFilters(bins: number, { filters, samplingRate }: MelSettings): number[][] {
  const highest = toMel(HIGHEST);
  const corners = Array.from({ length: filters + 2 }, (_, i) => toHertz((highest * i) / (filters + 1)));
  return Array.from({ length: filters }, (_, filter) => {
    const [from, middle, to] = corners.slice(filter, filter + 3) as [number, number, number];
    return Array.from({ length: bins }, (_, bin) => {
      const hertz = (Math.floor(samplingRate / 2) * bin) / (bins - 1);
      const height = Math.min((hertz - from) / (middle - from), (to - hertz) / (to - middle));
      return (Math.max(0, height) * 2) / (to - from);
    });
  });
}

/** Slaney's mel scale: straight up to 1,000 Hz, logarithmic above. */
const [BEND, BEND_MEL, STEP] = [1000, 15, Math.log(6.4) / 27];

function toMel(hertz: number): number {
  return hertz < BEND ? (3 * hertz) / 200 : BEND_MEL + Math.log(hertz / BEND) / STEP;
}

function toHertz(mel: number): number {
  return mel < BEND_MEL ? (200 * mel) / 3 : BEND * Math.exp(STEP * (mel - BEND_MEL));
}
