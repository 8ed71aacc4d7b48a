import type { DType } from '../graph/types.ts';
import { rowMajorStrides } from './selection.ts';
import type { Data } from './storage.ts';

/** How many rows and columns are shown: of more, the middle is left out. */
const SHOWN = { rows: 12, columns: 16 };

const CELL = 'padding:2px 6px;text-align:right;font:11px monospace;border:none';

/**
 * A tensor as HTML for a notebook: its last two dimensions as coloured cells with their numbers (red above zero, blue
 * below, the darker the further), the first of all others, and what it is above them.
 */
export function tensorPicture(data: Data, dims: readonly number[], dtype: DType): string {
  const title = [`tensor [${dims.join(', ')}]`, dtype, ...extent(data, dtype)].join(', ');
  const [rows, columns] = [dims.at(-2) ?? 1, dims.at(-1) ?? 1];
  const first = dims.length > 2 ? `<div>[${dims.map((_, i) => (i < dims.length - 2 ? 0 : ':')).join(', ')}]</div>` : '';
  if (data.length === 0) return `<div>${title}</div>`;
  const [down, across] = rowMajorStrides([rows, columns]);
  const shownColumns = ends(columns, SHOWN.columns);
  const shown = ends(rows, SHOWN.rows).map((row) =>
    shownColumns.map((column) => (row === null || column === null ? null : data[row * down! + column * across!]!)),
  );
  const largest = shown.flat().reduce<number>((most, x) => Math.max(most, finite(x)), 0);
  const body = shown.map((row) => `<tr>${row.map((x) => cell(x, largest, dtype)).join('')}</tr>`).join('');
  return `<div>${title}</div>${first}<table style="border-collapse:collapse;color:inherit">${body}</table>`;
}

/** The positions that are shown of so many; null is the gap. */
function ends(size: number, most: number): (number | null)[] {
  if (size <= most) return Array.from({ length: size }, (_, i) => i);
  const half = most / 2;
  return [
    ...Array.from({ length: half }, (_, i) => i),
    null,
    ...Array.from({ length: half }, (_, i) => size - half + i),
  ];
}

function cell(value: number | bigint | null, largest: number, dtype: DType): string {
  if (value === null) return `<td style="${CELL}">…</td>`;
  const share = largest === 0 ? 0 : finite(value) / largest;
  const colour = `rgba(${value < 0 ? '33,102,172' : '178,24,43'},${(0.75 * share).toFixed(2)})`;
  return `<td style="${CELL};background:${colour}">${number(value, dtype)}</td>`;
}

function finite(value: number | bigint | null): number {
  const size = Math.abs(Number(value ?? 0));
  return Number.isFinite(size) ? size : 0;
}

function number(value: number | bigint, dtype: DType): string {
  if (dtype === 'bool') return String(Boolean(value));
  return typeof value === 'bigint' || Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

/** From where to where the elements go, but for those that are NaN. */
function extent(data: Data, dtype: DType): string[] {
  if (data.length < 2 || dtype === 'bool') return [];
  let [least, most]: [number | bigint, number | bigint] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of data) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  if (least > most) return [];
  return [`${number(least, dtype)} to ${number(most, dtype)}`];
}
