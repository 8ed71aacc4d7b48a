import { styleText } from 'node:util';
import { BLUE_TO_ORANGE, BLUES, type Heading, heading, NAME, writeChart } from './chart.ts';

/** The data of a heat map: `values[row][column]`, with a name for each row and column. */
export interface HeatMap extends Heading {
  readonly rows: readonly string[];
  readonly rowTitle: string;
  readonly columns: readonly string[];
  readonly columnTitle: string;
  readonly values: readonly (readonly number[])[];
  readonly valueTitle: string;
  /** The texts in the cells, `texts[row][column]`: the values, unless given. */
  readonly texts?: readonly (readonly string[])[];
  /** Where the colours begin and end, 0 to 1 for probabilities. Unless given, they tell positive from negative. */
  readonly domain?: readonly [number, number];
  /** In pixels. */
  readonly cellWidth?: number;
}

/** Writes a heat map as an SVG file that stands alone. */
export async function writeHeatMap(file: string, map: HeatMap): Promise<void> {
  const text = (y: number, x: number) => map.texts?.[y]?.[x] ?? written(map.values[y]![x]!);
  const cells = map.values.flatMap((row, y) =>
    row.map((value, x) => ({ row: map.rows[y], column: `${x}: ${map.columns[x]}`, value, text: text(y, x) })),
  );
  const most = map.domain?.[1] ?? Math.max(...map.values.flat().map(Math.abs));
  const scale = map.domain
    ? { ...BLUES, domain: [...map.domain] }
    : { ...BLUE_TO_ORANGE, domain: [-most, -most / 2, 0, most / 2, most] };
  await writeChart(file, {
    title: heading(map),
    data: { values: cells },
    width: { step: map.cellWidth ?? 44 },
    height: { step: 44 },
    encoding: {
      x: {
        field: 'column',
        type: 'nominal',
        sort: null,
        title: map.columnTitle || null,
        axis: { labelAngle: -45, labelExpr: NAME },
      },
      y: { field: 'row', type: 'nominal', sort: null, title: map.rowTitle || null },
    },
    layer: [
      {
        mark: { type: 'rect', stroke: '#e4e7eb' },
        encoding: {
          color: {
            field: 'value',
            type: 'quantitative',
            title: map.valueTitle,
            scale,
          },
        },
      },
      {
        mark: { type: 'text', fontSize: 11 },
        encoding: {
          text: { field: 'text', type: 'nominal' },
          color: { condition: { test: `abs(datum.value) > ${most * 0.6}`, value: 'white' }, value: 'black' },
        },
      },
    ],
  });
}

/** With one digit behind the point, and a true minus. */
function written(value: number): string {
  const text = value.toFixed(1);
  return text === '-0.0' ? '0.0' : text.replace('-', '−');
}

const SHADES = ' ░▒▓█';

/** The same in the terminal: the darker, the larger; values or texts beside it. */
export function printHeatMap(map: HeatMap): void {
  const flat = map.values.flat();
  const [low, high] = map.domain ?? [Math.min(...flat), Math.max(...flat)];
  const width = 8;
  const left = Math.max(...map.rows.map((name) => name.length));
  console.log(`${map.title}\n${[map.subtitle].flat().join('\n')}\n`);
  map.values.forEach((row, y) => {
    const cells = row.map((value, x) => {
      const shade = SHADES[Math.round(((value - low) / (high - low || 1)) * (SHADES.length - 1))]!;
      const text = map.texts?.[y]?.[x]?.slice(0, width - 2) ?? written(value).padStart(5);
      return `${shade.repeat(2)}${text}`.padEnd(width + 1);
    });
    console.log(`${styleText('bold', map.rows[y]!.padEnd(left))} ${cells.join('')}`.trimEnd());
  });
  const names = map.columns.map((name) => name.slice(0, width).padEnd(width + 1));
  console.log(`${' '.repeat(left)} ${names.join('')}`.trimEnd());
  console.log();
}
