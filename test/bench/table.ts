import type { Line } from './row.ts';

const HEADS = ['what', 'ratio (median, spread)', 'bar', '', 'measured'];

/** The lines as a table for the terminal, which is also one in Markdown. */
export function table(lines: readonly Line[]): string {
  const rows = [HEADS, ...lines.map((line) => [line.what, result(line), bar(line), verdict(line), line.note ?? ''])];
  const widths = HEADS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const [head, ...body] = rows.map((row) => `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`);
  return [head, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...body].join('\n');
}

/** `ok` or `missed`, or why there is nothing to judge. */
export function verdict({ result, bar }: Line): string {
  if ('missing' in result) return result.missing;
  if ('failed' in result) return 'failed';
  return result.median <= (bar ?? Number.POSITIVE_INFINITY) ? 'ok' : 'missed';
}

function result({ result, unit }: Line): string {
  if ('missing' in result) return '';
  if ('failed' in result) return result.failed;
  const { median, low, high } = result;
  return unit === 'built' ? `${median} built` : `${digits(median)} ${unit} (${digits(low)} – ${digits(high)})`;
}

function bar({ bar, unit }: Line): string {
  if (bar === null) return '';
  return unit === 'built' ? `${bar} built` : `≤ ${bar} ${unit}`;
}

/** Three decimals, fewer for large numbers. */
function digits(value: number): string {
  return value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 3);
}
