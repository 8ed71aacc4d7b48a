import type { RawImage } from './raw-image.ts';

/** How a pixel is made of those around it: Pillow's numbers, which the files of models have. */
export type Resampling = 0 | 1 | 2 | 3 | 4 | 5;

interface Filter {
  /** How far from its middle it is not zero. */
  readonly support: number;
  readonly at: (x: number) => number;
}

const FILTERS: Readonly<Record<Exclude<Resampling, 0>, Filter>> = {
  // Lanczos
  1: { support: 3, at: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
  // bilinear
  2: { support: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  // bicubic
  3: { support: 2, at: (x) => cubic(Math.abs(x), -0.5) },
  // box
  4: { support: 0.5, at: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  // Hamming
  5: { support: 1, at: (x) => (Math.abs(x) < 1 ? sinc(x) * (0.54 + 0.46 * Math.cos(Math.PI * x)) : 0) },
};

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function cubic(x: number, a: number): number {
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

/** Pillow computes with fixed points of so many bits. */
const PRECISION = 2 ** 22;

/** The pixels along a line that one of the new line is made of, and their weights. */
interface Taps {
  readonly start: number;
  readonly weights: readonly number[];
}

/** A picture of another size, as Pillow's `resize` gives it, to the byte: along the rows, rounded, then along the columns. */
export function resize(image: RawImage, width: number, height: number, resampling: Resampling): RawImage {
  if (resampling === 0) return nearest(image, width, height);
  const filter = FILTERS[resampling];
  const wide = width === image.width ? image : alongRows(image, tapsOf(image.width, width, filter));
  if (height === image.height) return wide;
  return transposed(alongRows(transposed(wide), tapsOf(image.height, height, filter)));
}

function tapsOf(from: number, to: number, { support, at }: Filter): Taps[] {
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  return Array.from({ length: to }, (_, i) => {
    const middle = (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(middle - support * stretch + 0.5));
    const end = Math.min(from, Math.trunc(middle + support * stretch + 0.5));
    const raw = Array.from({ length: end - start }, (_, x) => at((x + start - middle + 0.5) / stretch));
    const sum = raw.reduce((total, weight) => total + weight, 0);
    const fixed = (weight: number) => Math.sign(weight) * Math.floor(Math.abs(weight / sum) * PRECISION + 0.5);
    return { start, weights: raw.map(fixed) };
  });
}

function alongRows({ width, height, data }: RawImage, taps: readonly Taps[]): RawImage {
  const made = new Uint8ClampedArray(taps.length * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < taps.length; x++) {
      const { start, weights } = taps[x]!;
      for (let channel = 0; channel < 3; channel++) {
        let sum = PRECISION / 2;
        for (let i = 0; i < weights.length; i++) sum += weights[i]! * data[(y * width + start + i) * 3 + channel]!;
        made[(y * taps.length + x) * 3 + channel] = Math.floor(sum / PRECISION);
      }
    }
  }
  return { width: taps.length, height, data: new Uint8Array(made.buffer) };
}

function transposed(image: RawImage): RawImage {
  return map(image, image.height, image.width, (x, y) => [y, x]);
}

function nearest(image: RawImage, width: number, height: number): RawImage {
  const [across, down] = [placesOf(image.width, width), placesOf(image.height, height)];
  return map(image, width, height, (x, y) => [across[x]!, down[y]!]);
}

/** The pixel of a line that each of the new line is: Pillow adds up the steps, and their errors. */
function placesOf(from: number, to: number): number[] {
  const step = from / to;
  let place = step * 0.5;
  return Array.from({ length: to }, () => {
    const pixel = Math.trunc(place);
    place += step;
    return pixel;
  });
}

/** A picture whose pixels are some of another one. `from` gives the column and row of each; where there is none, it is black. */
export function map(
  { width: across, height: down, data }: RawImage,
  width: number,
  height: number,
  from: (x: number, y: number) => readonly [number, number],
): RawImage {
  const made = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [column, row] = from(x, y);
      if (column < 0 || row < 0 || column >= across || row >= down) continue;
      const at = (row * across + column) * 3;
      made.set(data.subarray(at, at + 3), (y * width + x) * 3);
    }
  }
  return { width, height, data: made };
}
