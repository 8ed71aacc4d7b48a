/** Samples of a frame, from one frame to the next, and of the Fourier transform: 25 and 10 ms at 16,000 a second. */
const [FRAME, HOP, POINTS] = [400, 160, 512];
const BINS = POINTS / 2 + 1;
/** The lowest frequency that counts, in hertz. */
const LOWEST = 20;
/** How much of a sample is taken from the next one. */
const EMPHASIS = 0.97;
/** Float32's precision, below which no energy is told from 0. */
const FLOOR = 1.192092955078125e-7;

/** How many frames a sound has. */
export function framesOf(samples: Float32Array): number {
  return Math.max(0, 1 + Math.floor((samples.length - FRAME) / HOP));
}

/**
 * The logarithm of a sound's energy, by frame and mel filter, as Kaldi and the Audio Spectrogram Transformer have it.
 * @returns float32 [frames, filters], of as many frames as are asked for
 */
export function filterBank(
  samples: Float32Array,
  { filters, frames, samplingRate }: { filters: number; frames: number; samplingRate: number },
): Float32Array {
  const window = Float64Array.from({ length: FRAME }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (FRAME - 1)));
  const [cosines, sines] = [Math.cos, Math.sin].map((wave) =>
    Float64Array.from({ length: POINTS }, (_, i) => wave((2 * Math.PI * i) / POINTS)),
  );
  const weights = melFilters(filters, samplingRate);
  const made = new Float32Array(frames * filters);
  for (let t = 0; t < frames; t++) {
    const frame = emphasized(samples.subarray(t * HOP, t * HOP + FRAME)).map((value, i) => value * window[i]!);
    const power = Float64Array.from({ length: BINS }, (_, bin) => {
      let [real, imaginary] = [0, 0];
      for (let i = 0, turn = 0; i < FRAME; i++, turn = (turn + bin) % POINTS) {
        real += frame[i]! * cosines![turn]!;
        imaginary += frame[i]! * sines![turn]!;
      }
      return real * real + imaginary * imaginary;
    });
    for (let filter = 0; filter < filters; filter++) {
      const sum = weights[filter]!.reduce((total, weight, bin) => total + weight * power[bin]!, 0);
      made[t * filters + filter] = Math.log(Math.max(sum, FLOOR));
    }
  }
  return made;
}

/** A frame around 0, without a part of the sample before each. */
function emphasized(frame: Float32Array): Float64Array {
  const mean = frame.reduce((sum, value) => sum + value, 0) / frame.length;
  return Float64Array.from(frame, (value, i) => value - mean - EMPHASIS * (frame[Math.max(0, i - 1)]! - mean));
}

/** Triangles on Kaldi's mel scale, each as high as the others: [filters][bins]. */
function melFilters(filters: number, samplingRate: number): number[][] {
  const [lowest, highest] = [toMel(LOWEST), toMel(Math.floor(samplingRate / 2))];
  const step = (highest - lowest) / (filters + 1);
  return Array.from({ length: filters }, (_, filter) => {
    const from = lowest + filter * step;
    return Array.from({ length: BINS }, (_, bin) => {
      const mel = toMel((samplingRate / POINTS) * bin);
      return Math.max(0, Math.min((mel - from) / step, (from + 2 * step - mel) / step));
    });
  });
}

function toMel(hertz: number): number {
  return 1127 * Math.log(1 + hertz / 700);
}
