import { writeFile } from 'node:fs/promises';
import { styleText } from 'node:util';
import * as vega from 'vega';
import { compile } from 'vega-lite';

/** What a heat map shows: `values[row][column]`, with a name for each row and column. */
export interface HeatMap {
  readonly title: string;
  readonly subtitle: string;
  readonly rows: readonly string[];
  readonly rowTitle: string;
  readonly columns: readonly string[];
  readonly columnTitle: string;
  readonly values: readonly (readonly number[])[];
  readonly valueTitle: string;
}

/** Writes a heat map as an SVG file that stands alone. */
export async function writeHeatMap(file: string, map: HeatMap): Promise<void> {
  const cells = map.values.flatMap((row, y) =>
    row.map((value, x) => ({ row: map.rows[y], column: `${x}: ${map.columns[x]}`, value })),
  );
  // Large values, of either sign, are dark: their numbers are written in white.
  const dark = Math.max(...map.values.flat().map(Math.abs)) / 2;
  const { spec } = compile({
    title: { text: map.title, subtitle: map.subtitle, anchor: 'start', fontSize: 16, subtitleFontSize: 12, offset: 12 },
    background: 'white',
    data: { values: cells },
    width: { step: 44 },
    height: { step: 44 },
    encoding: {
      x: { field: 'column', type: 'nominal', sort: null, title: map.columnTitle, axis: { labelAngle: -45 } },
      y: { field: 'row', type: 'nominal', sort: null, title: map.rowTitle },
    },
    layer: [
      {
        mark: { type: 'rect', stroke: 'white' },
        encoding: {
          color: {
            field: 'value',
            type: 'quantitative',
            title: map.valueTitle,
            legend: { titleLimit: 400 },
            scale: { scheme: 'blueorange', domainMid: 0 },
          },
        },
      },
      {
        mark: { type: 'text', fontSize: 11 },
        encoding: {
          text: { field: 'value', type: 'quantitative', format: '.1f' },
          color: { condition: { test: `abs(datum.value) > ${dark}`, value: 'white' }, value: 'black' },
        },
      },
    ],
    config: { view: { stroke: null }, axis: { labelFontSize: 12, titleFontSize: 13, titlePadding: 10 } },
  });
  await writeFile(file, await new vega.View(vega.parse(spec), { renderer: 'none' }).toSVG());
}

const SHADES = ' ░▒▓█';

/** The same in the terminal: the darker, the larger; values beside it. */
export function printHeatMap(map: HeatMap): void {
  const flat = map.values.flat();
  const [low, high] = [Math.min(...flat), Math.max(...flat)];
  const width = 8;
  const left = Math.max(...map.rows.map((name) => name.length));
  console.log(`${map.title}\n${map.subtitle}\n`);
  map.values.forEach((row, y) => {
    const cells = row.map((value) => {
      const shade = SHADES[Math.round(((value - low) / (high - low || 1)) * (SHADES.length - 1))]!;
      return `${shade.repeat(2)}${value.toFixed(1).padStart(5)}`.padEnd(width + 1);
    });
    console.log(`${styleText('bold', map.rows[y]!.padEnd(left))} ${cells.join('')}`);
  });
  console.log(`${' '.repeat(left)} ${map.columns.map((name) => name.slice(0, width).padEnd(width + 1)).join('')}\n`);
}
