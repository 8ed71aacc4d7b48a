import { CHECKED_LATER, COUNT, FUNCTION, OBJECT, type OptionKind, SIGNAL, TEXT, WHOLE } from '../api/option-kinds.ts';
import { checkOptions, type OptionKinds } from '../api/options.ts';
import { refuseMore } from '../arguments.ts';
import { TraceError } from '../errors.ts';
import type { Tensor } from '../index.ts';
import { callerSite } from '../tracing/caller.ts';
import type { Prompt } from '../types/model.ts';
import type { Parts } from './parts.ts';

export interface ComponentOptions {
  /** Where the model has its parts, if their names are not known. */
  readonly parts?: Parts;
}

/** The token whose logit is looked at, and the one that its logit is compared with. */
export interface Answer {
  readonly token: number;
  readonly instead?: number;
}

/** What patches do: `values[row][column]`, with a name for each row and column. */
export interface PatchingGrid {
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly values: readonly (readonly number[])[];
}

export interface PatchOptions {
  /** The path of the module whose output is taken. */
  readonly module: string;
  /** The positions that it is taken at in the source, and put to in the base: the same ones, unless `to` is given. */
  readonly positions: readonly number[] | { readonly from: readonly number[]; readonly to: readonly number[] };
}

export interface PatchingOptions {
  /** The prompt that values are taken from. */
  readonly clean: Prompt;
  /** The prompt that they are put into: as many tokens. */
  readonly corrupted: Prompt;
  /** What a patch is measured by: of the logits, float [batch, position, vocabulary]. */
  readonly metric: (logits: Tensor) => number;
  /** Where the model has its parts, if their names are not known. */
  readonly parts?: Parts;
  /** Told after each patch how many are done, and how many there are. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Ends the sweep between two patches: the promise is rejected with its reason. */
  readonly signal?: AbortSignal;
}

export interface HeadPatchingOptions extends PatchingOptions {
  /** How many heads a layer has. */
  readonly heads: number;
}

export interface PictureOptions {
  readonly title?: string;
  /** The value at which a colour is full; the largest magnitude unless given. */
  readonly most?: number;
}

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

/** Checks that a call is given a model first, and no more than its parameters. */
export function checkCall(call: string, parameters: string, model: unknown, more: readonly unknown[]): void {
  refuseMore(`${call}(${parameters})`, more);
  checkModel(call, model);
}

export function checkModel(call: string, model: unknown): void {
  const isObject = (typeof model === 'object' && model !== null) || typeof model === 'function';
  if (isObject && typeof Reflect.get(model, 'trace') === 'function') return;
  throw new TraceError(
    `${call} takes a model first, as LanguageModel.load gives one, not ${typeof model}.`,
    callerSite(),
  );
}

export function checkHeads(call: string, heads: number): void {
  if (COUNT.fits(heads)) return;
  throw new TraceError(`${call} needs the number of heads of a layer, which is ${COUNT.text}.`, callerSite());
}

/** Checks that each row of a grid has a name, and each of its numbers the name of a column. */
export function checkGrid(call: string, grid: PatchingGrid): void {
  const { rows, columns, values } = grid ?? {};
  const isRow = (row: unknown) =>
    Array.isArray(row) && row.length === columns.length && row.every((one) => typeof one === 'number');
  const fits = [rows, columns, values].every(Array.isArray) && values.length === rows.length && values.every(isRow);
  if (fits) return;
  throw new TraceError(
    `${call} takes a grid: { rows, columns, values }, names of rows and of columns, and for each row a list of numbers, one for each column.`,
    callerSite(),
  );
}

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
