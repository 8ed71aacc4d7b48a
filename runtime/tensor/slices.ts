import { OperationError } from '../graph/operation.ts';

/** One part of an index in numpy's notation. A bound of a slice that was left out is null. */
export type SliceItem =
  | { readonly kind: 'int'; readonly value: number }
  | {
      readonly kind: 'slice';
      readonly start: number | null;
      readonly stop: number | null;
      readonly step: number | null;
    }
  | { readonly kind: 'newaxis' }
  | { readonly kind: 'ellipsis' }
  /** A list of positions, or of truth values, one for each position. */
  | { readonly kind: 'list'; readonly entries: ListEntries };

/** Numbers or truth values in arrays. */
export type ListEntries = readonly (number | boolean | ListEntries)[];

const INTEGER = /^[+-]?\d+$/;

/**
 * Whether a property name is an index (`'0'`, `'-1'`, `':, -1'`, `'..., 3:5'`, `':, [0, 2]'`, `'None'`) and not the name of a member.
 * Anything with a colon, a comma, a list or an ellipsis counts, so that a misspelt index is an error and not `undefined`.
 */
export function isSliceString(key: string): boolean {
  return /[:,]|\.\.\.|^\s*\[/.test(key) || INTEGER.test(key) || key.trim() === 'None';
}

/** Reads an index in numpy's notation, such as `':, -1'` or `':, [0, 2]'`; throws an `OperationError` if it is malformed. */
export function parseSlices(key: string): SliceItem[] {
  // numpy allows one trailing comma: x[1,] is x[(1,)].
  const parts = partsOf(key.replace(/,\s*$/, ''));
  const items = parts.map((part) => parseItem(part.trim(), key));
  if (items.filter((item) => item.kind === 'ellipsis').length > 1) {
    throw new OperationError(`an index can only have a single ellipsis ('...'), but '${key}' has more`);
  }
  return items;
}

/** Splits an index at the commas outside of its lists. */
function partsOf(key: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const letter of key) {
    if (letter === '[') depth++;
    if (letter === ']') depth--;
    if (letter === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += letter;
  }
  return parts;
}

function parseList(part: string, key: string): ListEntries {
  const text = part
    .replaceAll('True', 'true')
    .replaceAll('False', 'false')
    .replaceAll(/,(?=\s*\])/g, '');
  let entries: unknown;
  try {
    entries = JSON.parse(text);
  } catch {
    entries = null;
  }
  if (isList(entries)) return entries;
  throw new OperationError(
    `in the index '${key}', '${part}' is not a list of integers or of truth values; a variable that holds one is written [\`[\${list}]\`]`,
  );
}

function isList(value: unknown): value is ListEntries {
  return (
    Array.isArray(value) &&
    value.every((entry) => Number.isInteger(entry) || typeof entry === 'boolean' || isList(entry))
  );
}

function parseItem(part: string, key: string): SliceItem {
  if (part.startsWith('[')) return { kind: 'list', entries: parseList(part, key) };
  if (part === '...') return { kind: 'ellipsis' };
  if (part === 'None' || part === 'newaxis') return { kind: 'newaxis' };
  if (part === '') throw new OperationError(`the index '${key}' has an empty part: write ':' for a whole dimension`);
  if (!part.includes(':')) return { kind: 'int', value: parseInteger(part, key) };
  const bounds = part.split(':').map((bound) => bound.trim());
  if (bounds.length > 3) {
    throw new OperationError(`in the index '${key}', '${part}' has too many colons: a slice is start:stop:step`);
  }
  const [start, stop, step] = bounds.map((bound) => (bound === '' ? null : parseInteger(bound, key)));
  if (step === 0) throw new OperationError(`slice step cannot be zero (in the index '${key}')`);
  return { kind: 'slice', start: start ?? null, stop: stop ?? null, step: step ?? null };
}

function parseInteger(text: string, key: string): number {
  if (INTEGER.test(text)) return Number(text);
  const hint = /^[A-Za-z_$]/.test(text)
    ? `; to use a variable, write a template string: [\`\${${text}}\`]`
    : ", an integer, a slice, '...' or 'None' was expected";
  throw new OperationError(`in the index '${key}', '${text}' is not an integer${hint}`);
}
