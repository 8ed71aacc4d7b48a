import { readFileSync } from 'node:fs';
import { refuseMore } from '../arguments.ts';
import { InputError } from '../inputs/signature.ts';

/** Sound in memory: one channel, samples from -1 to 1. */
export interface RawAudio {
  /** Samples a second. */
  readonly samplingRate: number;
  readonly samples: Float32Array;
}

/** How samples are stored, by the number that the format has for it, and the bits of one. */
const READERS: Readonly<Record<string, (view: DataView, at: number) => number>> = {
  '1 8': (view, at) => (view.getUint8(at) - 128) / 128,
  '1 16': (view, at) => view.getInt16(at, true) / 2 ** 15,
  '1 24': (view, at) => ((view.getInt8(at + 2) << 16) | view.getUint16(at, true)) / 2 ** 23,
  '1 32': (view, at) => view.getInt32(at, true) / 2 ** 31,
  '3 32': (view, at) => view.getFloat32(at, true),
  '3 64': (view, at) => view.getFloat64(at, true),
};
/** The format that says in its extension what it is: by its number, and what follows on that in all that are told so. */
const EXTENSIBLE = 0xfffe;
const EXTENSION = '00 00 00 00 10 00 80 00 00 aa 00 38 9b 71';
/** The parts of a file of which there is one. */
const MAIN = new Set(['fmt ', 'data']);

/** Reads sound: a WAV file of one channel, or the bytes of one. Throws an `InputError` for what is none. */
export function readAudio(source: string | Uint8Array, ...more: readonly never[]): RawAudio {
  refuseMore('readAudio(source)', more);
  if (typeof source !== 'string' && !(source instanceof Uint8Array))
    throw new InputError('readAudio takes a path, or the bytes of a file as a Uint8Array.');
  const what = typeof source === 'string' ? source : `${source.byteLength} bytes`;
  try {
    return decode(typeof source === 'string' ? readFileSync(source) : source);
  } catch (cause) {
    throw new InputError(`${what} cannot be read as sound: ${(cause as Error).message}.`, { cause });
  }
}

function decode(bytes: Uint8Array): RawAudio {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = (at: number) => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (text(0) !== 'RIFF' || text(8) !== 'WAVE')
    throw new Error('it is no WAV file (ffmpeg makes one: ffmpeg -i in.mp3 -ac 1 -ar 16000 out.wav)');
  const chunks = new Map<string, { at: number; size: number }>();
  for (let at = 12; at + 8 <= bytes.length; ) {
    const [told, there] = [view.getUint32(at + 4, true), bytes.length - at - 8];
    // What is written as it comes does not know its size.
    const size = told === 0xffffffff || (told === 0 && text(at) === 'data') ? there : told;
    if (size > there) throw new Error('it is cut short');
    if (chunks.has(text(at)) && MAIN.has(text(at))) throw new Error(`it has two parts '${text(at).trim()}'`);
    chunks.set(text(at), { at: at + 8, size });
    at += 8 + size + (size % 2);
  }
  const [format, data] = [chunks.get('fmt '), chunks.get('data')];
  if (!format || format.size < 16 || !data) throw new Error('it is cut short');
  const [channels, samplingRate, bits] = [
    view.getUint16(format.at + 2, true),
    view.getUint32(format.at + 4, true),
    view.getUint16(format.at + 14, true),
  ];
  const code = view.getUint16(format.at, true);
  const isExtended = code === EXTENSIBLE && format.size >= 40 && hex(bytes, format.at + 26, 14) === EXTENSION;
  const kind = isExtended ? view.getUint16(format.at + 24, true) : code;
  const read = READERS[`${kind} ${bits}`];
  if (!read) throw new Error(`it holds samples of format ${kind} with ${bits} bits, not of PCM or floats`);
  if (channels !== 1)
    throw new Error(`it has ${channels} channels, and models take one: ffmpeg -i in.wav -ac 1 out.wav`);
  const width = bits / 8;
  if (view.getUint16(format.at + 12, true) !== width || data.size % width > 0) {
    throw new Error(`its samples do not have the ${width} bytes that it tells`);
  }
  const samples = Float32Array.from({ length: Math.floor(data.size / width) }, (_, i) =>
    read(view, data.at + i * width),
  );
  if (!samples.every(Number.isFinite)) throw new Error('it holds samples that are no numbers');
  return { samplingRate, samples };
}

function hex(bytes: Uint8Array, at: number, count: number): string {
  return Array.from(bytes.subarray(at, at + count), (one) => one.toString(16).padStart(2, '0')).join(' ');
}

/** Whether a value is sound in memory. */
export function isRawAudio(value: unknown): value is RawAudio {
  const { samplingRate, samples } = (value ?? {}) as Partial<RawAudio>;
  return typeof samplingRate === 'number' && samples instanceof Float32Array;
}
