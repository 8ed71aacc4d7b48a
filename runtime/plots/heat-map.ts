import { styleText } from 'node:util';
import { colours, domainOf, draw, heading, inkOn, labelAngle, NAME, placed } from './draw.ts';
import { checkChart, checkGrid, DOMAIN, HEADING, MATRIX, PIXELS, ROWS_OF_TEXTS, TEXT, TEXTS } from './options.ts';
import type { Heading, Picture } from './picture.ts';
import { type Matrix, matrixOf } from './values.ts';

/** The data of a heat map: `values[row][column]`, with a name for each row and column. */
export interface HeatMap extends Heading {
  readonly rows: readonly string[];
  readonly rowTitle?: string;
  readonly columns: readonly string[];
  readonly columnTitle?: string;
  /** [rows, columns] */
  readonly values: Matrix;
  readonly valueTitle?: string;
  /** The texts in the cells, `texts[row][column]`: the values, unless given. */
  readonly texts?: readonly (readonly string[])[];
  /** Where the colours begin and end, 0 to 1 for probabilities. Unless given, at 0 and the largest magnitude. */
  readonly domain?: readonly [number, number];
  /** In pixels: 44 unless given. */
  readonly cellWidth?: number;
}

/** The values of a heat map, whose options are checked. */
function checkedValues(call: string, map: HeatMap, more: readonly unknown[]): number[][] {
  checkChart(
    call,
    map,
    {
      ...HEADING,
      rows: TEXTS,
      rowTitle: TEXT,
      columns: TEXTS,
      columnTitle: TEXT,
      values: MATRIX,
      valueTitle: TEXT,
      texts: ROWS_OF_TEXTS,
      domain: DOMAIN,
      cellWidth: PIXELS,
    },
    ['rows', 'columns', 'values'],
    more,
  );
  const values = matrixOf(map.values);
  checkGrid(call, values, map);
  if (map.texts) checkGrid(call, map.texts, map);
  return values;
}

/** A heat map with its values, or other texts, in its cells. */
export function heatMap(map: HeatMap, ...more: readonly never[]): Picture {
  const values = checkedValues('heatMap', map, more);
  const domain = domainOf(values, map.domain);
  const cells = values.flatMap((row, y) =>
    row.map((value, x) => ({
      row: placed(map.rows, y),
      column: placed(map.columns, x),
      value,
      text: map.texts?.[y]?.[x] ?? written(value, domain),
    })),
  );
  const width = map.cellWidth ?? 44;
  const axis = { ticks: false, labelPadding: 6, labelLimit: 400, labelExpr: NAME };
  return draw({
    title: heading(map),
    data: { values: cells },
    width: { step: width },
    height: { step: 44 },
    encoding: {
      x: {
        field: 'column',
        type: 'nominal',
        sort: null,
        title: map.columnTitle || null,
        axis: { ...axis, labelAngle: labelAngle(map.columns, width, 12, -45) },
      },
      y: { field: 'row', type: 'nominal', sort: null, title: map.rowTitle || null, axis },
    },
    layer: [
      {
        mark: { type: 'rect', stroke: '#e4e7eb' },
        encoding: {
          color: { field: 'value', type: 'quantitative', title: map.valueTitle || null, scale: colours(domain) },
        },
      },
      {
        mark: { type: 'text', fontSize: 11 },
        encoding: {
          text: { field: 'text', type: 'nominal' },
          color: inkOn(domain),
        },
      },
    ],
  });
}

/** With a true minus, and one digit behind the point, two where all values are small. */
function written(value: number, [low, high]: readonly [number, number]): string {
  const text = value.toFixed(Math.max(-low, high) > 2 ? 1 : 2).replace('Infinity', '∞');
  return /^-0\.0+$/.test(text) ? text.slice(1) : text.replace('-', '−');
}

const SHADES = ' ░▒▓█';

/** The same in the terminal: the darker, the larger; values or texts beside it. */
export function printHeatMap(map: HeatMap, ...more: readonly never[]): void {
  const values = checkedValues('printHeatMap', map, more);
  const flat = values.flat();
  const [low, high] = map.domain ?? [Math.min(...flat), Math.max(...flat)];
  const width = 8;
  const left = Math.max(...map.rows.map((name) => name.length));
  console.log([map.title ?? [], map.subtitle ?? []].flat(2).join('\n'), '\n');
  values.forEach((row, y) => {
    const cells = row.map((value, x) => {
      const shade = SHADES[Math.round(((value - low) / (high - low || 1)) * (SHADES.length - 1))]!;
      const text = map.texts?.[y]?.[x]?.slice(0, width - 2) ?? written(value, [low, high]).padStart(5);
      return `${shade.repeat(2)}${text}`.padEnd(width + 1);
    });
    console.log(`${styleText('bold', map.rows[y]!.padEnd(left))} ${cells.join('')}`.trimEnd());
  });
  const names = map.columns.map((name) => name.slice(0, width).padEnd(width + 1));
  console.log(`${' '.repeat(left)} ${names.join('')}`.trimEnd());
  console.log();
}
