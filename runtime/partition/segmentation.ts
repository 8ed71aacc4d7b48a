import type { Device } from '../ort/port.ts';

const KINDS = ['auto', 'taps', 'layers', 'modules', 'off', 'blocks'] as const;

/**
 * Where models are cut into segments that are compiled once for all traces: at their repeated modules (`layers`), at every
 * module (`modules`), or nowhere (`off`), so that every new structure compiles the whole model. `blocks` is `off` for the
 * blocks that run most, `layers` for the others, and one session for all blocks that only read (see BlockSessions, Reading).
 * `taps` is `layers`, but for blocks that read and set no more than the ends of layers and of the modules in them: these run in
 * one session that all of them share (see Taps). `auto` is `layers` until handing tensors over has cost what a better session costs: one with taps, or one of
 * a block alone (see Tiers).
 */
export type Segmentation = (typeof KINDS)[number];

/**
 * What suits each device. A session for a new structure costs many runs of the model, segments cost next to nothing on the
 * CPU. A tensor cannot stay on a CUDA device between two sessions of onnxruntime-node: there each segment copies its tensors
 * to the card and back and waits, and a model in segments takes 1.3 to 13 times as long.
 */
const BEST: Readonly<Record<Device, Segmentation>> = { cpu: 'auto', webgpu: 'layers', cuda: 'blocks' };

/**
 * What the environment variable ONNSIGHT_SEGMENTS says, else what suits the device. Throws a TypeError on a value that is none
 * of them.
 */
export function segmentationFor(device: Device, value = process.env.ONNSIGHT_SEGMENTS): Segmentation {
  if (value === undefined || value === '') return BEST[device];
  return checkSegmentation('ONNSIGHT_SEGMENTS', value);
}

/** Throws a TypeError on what is no way to cut a model. */
export function checkSegmentation(what: string, value: unknown): Segmentation {
  const found = KINDS.find((kind) => kind === value);
  if (found === undefined) throw new TypeError(`${what} is '${value}'. Set it to ${KINDS.join(', ')}.`);
  return found;
}

/** How often the weights of a model may be in the memory of its sessions that are not in use. */
export const COPIES: Readonly<Record<Segmentation, number>> = {
  auto: 2,
  // Segments, and the session with taps.
  taps: 2,
  layers: 2,
  modules: 2,
  off: 2,
  // The blocks that are one session, one that is read from, and segments.
  blocks: 6,
};
