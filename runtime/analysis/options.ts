import { CHECKED_LATER, COUNT, FUNCTION, OBJECT, type OptionKind, SIGNAL, TEXT, WHOLE } from '../api/option-kinds.ts';
import { checkOptions, type OptionKinds } from '../api/options.ts';
import { TraceError } from '../errors.ts';
import { callerSite } from '../tracing/caller.ts';
import type { ComponentOptions } from './components.ts';
import type { Answer } from './logit-attribution.ts';
import type { Parts } from './parts.ts';
import type { PatchOptions } from './patch.ts';
import type { HeadPatchingOptions, PatchingOptions } from './patching.ts';
import type { PictureOptions } from './picture.ts';

const NAMES = ['attention', 'mlp', 'projection', 'layers', 'norm', 'unembedding'] as const;
const PARTS = Object.fromEntries(NAMES.map((name) => [name, TEXT])) as OptionKinds<Parts>;
const POSITIONS: OptionKind = {
  text: 'an array of positions',
  fits: (value) => Array.isArray(value) && value.every(Number.isInteger),
};
const PLACES: OptionKind = {
  text: 'an array of positions, or two of them: { from: [2], to: [3] }',
  fits: (value) => POSITIONS.fits(value) || (!Array.isArray(value) && OBJECT.fits(value)),
};
type Places = Extract<PatchOptions['positions'], { readonly from: unknown }>;
const PLACE: OptionKinds<Places> = { from: POSITIONS, to: POSITIONS };
const MAGNITUDE: OptionKind = {
  text: 'a number above 0',
  fits: (value) => typeof value === 'number' && value > 0,
};
const COMPONENTS: OptionKinds<ComponentOptions> = { parts: OBJECT };
const ANSWER: OptionKinds<Answer> = { token: WHOLE, instead: WHOLE };
const PATCH: OptionKinds<PatchOptions> = { module: TEXT, positions: PLACES };
const PATCHING: OptionKinds<PatchingOptions> = {
  clean: CHECKED_LATER,
  corrupted: CHECKED_LATER,
  metric: FUNCTION,
  parts: OBJECT,
  onProgress: FUNCTION,
  signal: SIGNAL,
};
const HEADS: OptionKinds<HeadPatchingOptions> = { ...PATCHING, heads: COUNT };

const PICTURE: OptionKinds<PictureOptions> = { title: TEXT, most: MAGNITUDE };

export function checkComponentOptions(call: string, given: ComponentOptions): void {
  checkOptions(call, given, COMPONENTS);
  checkParts(given.parts);
}

export function checkAnswer(call: string, given: Answer): void {
  check(call, given, ANSWER, ['token']);
}

export function checkPatch(call: string, given: PatchOptions): void {
  check(call, given, PATCH, ['module', 'positions']);
  const { positions } = given;
  if (!Array.isArray(positions)) check('positions', positions as Places, PLACE, ['from', 'to']);
}

export function checkPatching(call: string, given: PatchingOptions): void {
  check(call, given, PATCHING, ['clean', 'corrupted', 'metric']);
  checkParts(given.parts);
}

export function checkHeadPatching(call: string, given: HeadPatchingOptions): void {
  check(call, given, HEADS, ['clean', 'corrupted', 'metric', 'heads']);
  checkParts(given.parts);
}

export function checkPicture(call: string, given: PictureOptions): void {
  checkOptions(call, given, PICTURE);
}

function checkParts(parts: Parts | undefined): void {
  if (parts) check('parts', parts, PARTS, NAMES);
}

/** Checks options of which some have to be given. */
function check<T extends object>(call: string, given: T, kinds: OptionKinds<T>, needed: readonly (keyof T)[]): void {
  checkOptions(call, given ?? {}, kinds);
  const missing = needed.find((name) => given?.[name] === undefined);
  if (missing === undefined) return;
  throw new TraceError(`${call} needs ${String(missing)}, which is ${kinds[missing].text}.`, callerSite());
}
