import { type Heading, heading, writeChart } from './chart.ts';

/** Lines over a number: `values[i]` at `x[i]`. */
export interface Lines extends Heading {
  readonly x: readonly number[];
  readonly xTitle: string;
  readonly lines: readonly { readonly name: string; readonly values: readonly number[] }[];
  readonly yTitle: string;
  /** Where the y axis begins and ends. */
  readonly domain: readonly [number, number];
}

/** Writes a chart of lines, each with its name at its end, as an SVG file that stands alone. */
export async function writeLines(file: string, chart: Lines): Promise<void> {
  const points = chart.lines.flatMap(({ name, values }) => values.map((y, i) => ({ name, x: chart.x[i]!, y })));
  const end = Math.max(...chart.x);
  const ticks = chart.x.every(Number.isInteger) ? { tickMinStep: 1 } : {};
  await writeChart(file, {
    title: heading(chart),
    data: { values: points },
    width: 460,
    height: 260,
    encoding: {
      x: {
        field: 'x',
        type: 'quantitative',
        title: chart.xTitle,
        scale: { nice: false },
        axis: { grid: false, ...ticks },
      },
      y: {
        field: 'y',
        type: 'quantitative',
        title: chart.yTitle,
        scale: { domain: [...chart.domain] },
        axis: { gridColor: '#e4e7eb' },
      },
      color: { field: 'name', type: 'nominal', sort: null, legend: null },
    },
    layer: [
      { mark: { type: 'line', strokeWidth: 2.5, point: { size: 50 } } },
      {
        transform: [{ filter: `datum.x === ${end}` }],
        mark: { type: 'text', align: 'left', dx: 10, fontSize: 13 },
        encoding: { text: { field: 'name', type: 'nominal' } },
      },
    ],
  });
}
