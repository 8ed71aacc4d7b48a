import { refuseMore } from '../arguments.ts';
import type { PatchingGrid } from './options.ts';
import { checkGrid, checkPicture, type PictureOptions } from './options.ts';

const CELL = 36;
const LEFT = 80;
const TOP = 60;

/** A grid as an SVG text that stands alone: blue for negative values, orange for positive ones, white for 0. */
export function drawGrid(grid: PatchingGrid, options: PictureOptions = {}, ...more: readonly never[]): string {
  refuseMore('drawGrid(grid, options)', more);
  checkGrid('drawGrid', grid);
  checkPicture('drawGrid', options);
  const { rows, columns, values } = grid;
  const { title = '', most } = options;
  const full = most ?? (Math.max(...values.flat().map(Math.abs)) || 1);
  const [width, height] = [LEFT + columns.length * CELL, TOP + rows.length * CELL];
  const cells = values.flatMap((row, y) =>
    row.map((value, x) => {
      const [left, top] = [LEFT + x * CELL, TOP + y * CELL];
      const name = escaped(`${rows[y]}, ${columns[x]}: ${value}`);
      return [
        `<rect x="${left}" y="${top}" width="${CELL}" height="${CELL}" fill="${colour(value / full)}"><title>${name}</title></rect>`,
        text(left + CELL / 2, top + CELL / 2 + 4, value.toFixed(2), 'middle'),
      ].join('');
    }),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="10">`,
    text(4, 18, title, 'start'),
    ...columns.map((name, x) => text(LEFT + x * CELL + CELL / 2, TOP - 6, name, 'middle')),
    ...rows.map((name, y) => text(LEFT - 6, TOP + y * CELL + CELL / 2 + 4, name, 'end')),
    ...cells,
    '</svg>\n',
  ].join('\n');
}

function text(x: number, y: number, content: string, anchor: string): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${escaped(content)}</text>`;
}

/** From blue at -1 over white to orange at 1; grey for what is no number. */
function colour(value: number): string {
  if (!Number.isFinite(value)) return '#cccccc';
  const rest = Math.round(255 * (1 - Math.min(1, Math.abs(value))));
  return value < 0
    ? `rgb(${rest}, ${Math.round(140 + (rest * 115) / 255)}, 255)`
    : `rgb(255, ${Math.round(140 + (rest * 115) / 255)}, ${rest})`;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
