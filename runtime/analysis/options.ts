import { CHECKED_LATER, COUNT, FUNCTION, type OptionKind, SIGNAL, TEXT, WHOLE } from '../api/option-kinds.ts';
import { checkOptions, type OptionKinds } from '../api/options.ts';
import { TraceError } from '../errors.ts';
import { callerSite } from '../tracing/caller.ts';
import type { ComponentOptions } from './components.ts';
import type { Answer } from './logit-attribution.ts';
import type { Parts } from './parts.ts';
import type { PatchOptions } from './patch.ts';
import type { HeadPatchingOptions, PatchingOptions } from './patching.ts';
import type { PictureOptions } from './picture.ts';

const NAMES: readonly (keyof Parts)[] = ['attention', 'mlp', 'projection', 'layers', 'norm', 'unembedding'];
const isPositions = (value: unknown) => Array.isArray(value) && value.every(Number.isInteger);
const has = (value: unknown, names: readonly string[], fits: (one: unknown) => boolean): boolean =>
  typeof value === 'object' &&
  value !== null &&
  Object.keys(value).length === names.length &&
  names.every((name) => fits((value as Record<string, unknown>)[name]));

const PARTS: OptionKind = {
  text: `an object with the paths ${NAMES.join(', ')}`,
  fits: (value) => has(value, NAMES, TEXT.fits),
};
const POSITIONS: OptionKind = {
  text: 'an array of positions, or two of them: { from: [2], to: [3] }',
  fits: (value) => isPositions(value) || has(value, ['from', 'to'], isPositions),
};
const MAGNITUDE: OptionKind = {
  text: 'a number above 0',
  fits: (value) => typeof value === 'number' && value > 0,
};
const COMPONENTS: OptionKinds<ComponentOptions> = { parts: PARTS };
const ANSWER: OptionKinds<Answer> = { token: WHOLE, instead: WHOLE };
const PATCH: OptionKinds<PatchOptions> = { module: TEXT, positions: POSITIONS };
const PATCHING: OptionKinds<PatchingOptions> = {
  clean: CHECKED_LATER,
  corrupted: CHECKED_LATER,
  metric: FUNCTION,
  parts: PARTS,
  onProgress: FUNCTION,
  signal: SIGNAL,
};
const HEADS: OptionKinds<HeadPatchingOptions> = { ...PATCHING, heads: COUNT };

const PICTURE: OptionKinds<PictureOptions> = { title: TEXT, most: MAGNITUDE };

export function checkComponentOptions(call: string, given: ComponentOptions): void {
  checkOptions(call, given, COMPONENTS);
}

export function checkAnswer(call: string, given: Answer): void {
  check(call, given, ANSWER, ['token']);
}

export function checkPatch(call: string, given: PatchOptions): void {
  check(call, given, PATCH, ['module', 'positions']);
}

export function checkPatching(call: string, given: PatchingOptions): void {
  check(call, given, PATCHING, ['clean', 'corrupted', 'metric']);
}

export function checkHeadPatching(call: string, given: HeadPatchingOptions): void {
  check(call, given, HEADS, ['clean', 'corrupted', 'metric', 'heads']);
}

export function checkPicture(call: string, given: PictureOptions): void {
  checkOptions(call, given, PICTURE);
}

/** Checks options of which some have to be given. */
function check<T extends object>(call: string, given: T, kinds: OptionKinds<T>, needed: readonly (keyof T)[]): void {
  checkOptions(call, given ?? {}, kinds);
  const missing = needed.find((name) => given?.[name] === undefined);
  if (missing === undefined) return;
  throw new TraceError(`${call} needs ${String(missing)}, which is ${kinds[missing].text}.`, callerSite());
}
