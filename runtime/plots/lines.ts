import { draw, heading } from './draw.ts';
import type { Heading, Picture } from './picture.ts';
import { type Vector, vectorOf } from './values.ts';

/** Lines over a number: `values[i]` at `x[i]`. */
export interface Lines extends Heading {
  /** 0, 1, 2, … (layers, tokens) unless given. */
  readonly x?: Vector;
  readonly xTitle?: string;
  readonly lines: readonly { readonly name: string; readonly values: Vector }[];
  readonly yTitle?: string;
  /** Where the y axis begins and ends: at the least and the largest value, unless given. */
  readonly domain?: readonly [number, number];
}

/** A chart of lines, each with its name at its end. */
export function lines(chart: Lines): Picture {
  const series = chart.lines.map(({ name, values }) => ({ name, values: vectorOf(values) }));
  const x = chart.x ? vectorOf(chart.x) : [...(series[0]?.values.keys() ?? [])];
  const points = series.flatMap(({ name, values }) => values.map((y, i) => ({ name, x: x[i]!, y })));
  const end = Math.max(...x);
  const ticks = x.every(Number.isInteger) ? { tickMinStep: 1 } : {};
  return draw({
    title: heading(chart),
    data: { values: points },
    width: 460,
    height: 260,
    encoding: {
      x: {
        field: 'x',
        type: 'quantitative',
        title: chart.xTitle || null,
        scale: { nice: false },
        axis: { grid: false, ...ticks },
      },
      y: {
        field: 'y',
        type: 'quantitative',
        title: chart.yTitle || null,
        scale: chart.domain ? { domain: [...chart.domain] } : { zero: false },
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
