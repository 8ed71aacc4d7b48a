import { BLUE_TO_ORANGE, BLUES, type Heading, heading, NAME, writeChart } from './chart.ts';

/** One of several heat maps side by side: `values[y][x]`. */
export interface Panel {
  readonly title: string;
  readonly values: readonly (readonly number[])[];
}

/** Small multiples: heat maps with the same rows, columns and colours. */
export interface Panels extends Heading {
  readonly panels: readonly Panel[];
  /** How many stand side by side. */
  readonly across: number;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly valueTitle: string;
  /** Where the colours begin and end. */
  readonly domain: readonly [number, number];
  /** In pixels. */
  readonly cell: number;
}

/** Writes small multiples as an SVG file that stands alone. */
export async function writePanels(file: string, charts: Panels): Promise<void> {
  const name = (names: readonly string[], i: number) => `${i}: ${names[i]}`;
  const cells = charts.panels.flatMap(({ title, values }) =>
    values.flatMap((row, y) =>
      row.map((value, x) => ({ title, row: name(charts.rows, y), column: name(charts.columns, x), value })),
    ),
  );
  const titles = charts.panels.map(({ title }) => title);
  const [low, high] = charts.domain;
  const scale =
    low < 0 ? { ...BLUE_TO_ORANGE, domain: [low, low / 2, 0, high / 2, high] } : { ...BLUES, domain: [low, high] };
  const axis = { domain: false, ticks: false, labelFontSize: 10, labelExpr: NAME };
  await writeChart(file, {
    title: heading(charts),
    data: { values: cells },
    facet: { field: 'title', type: 'nominal', sort: titles, title: null, header: { labelFontWeight: 'bold' } },
    columns: charts.across,
    spacing: 18,
    spec: {
      width: { step: charts.cell },
      height: { step: charts.cell },
      mark: { type: 'rect', stroke: '#e4e7eb', strokeWidth: 0.5 },
      encoding: {
        x: {
          field: 'column',
          type: 'nominal',
          sort: null,
          title: null,
          axis: { ...axis, labelAngle: -60 },
        },
        y: { field: 'row', type: 'nominal', sort: null, title: null, axis },
        color: {
          field: 'value',
          type: 'quantitative',
          title: charts.valueTitle,
          scale,
        },
      },
    },
  });
}
