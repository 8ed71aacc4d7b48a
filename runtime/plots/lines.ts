import { apart } from './apart.ts';
import { draw, heading } from './draw.ts';
import { checkChart, checkCounts, DOMAIN, HEADING, OBJECTS, TEXT, VECTOR } from './options.ts';
import type { Heading, Picture } from './picture.ts';
import { type Vector, vectorOf } from './values.ts';

/** One of the lines, with the name at its end. */
export interface Line {
  readonly name: string;
  readonly values: Vector;
}

/** Lines over a number: `values[i]` at `x[i]`. */
export interface Lines extends Heading {
  /** 0, 1, 2, … (layers, tokens) unless given. */
  readonly x?: Vector;
  readonly xTitle?: string;
  readonly lines: readonly Line[];
  readonly yTitle?: string;
  /** Where the y axis begins and ends: at the least and the largest value, unless given. */
  readonly domain?: readonly [number, number];
}

/** In pixels. */
const HEIGHT = 260;
const NAME_HEIGHT = 15;

/** A chart of lines, each with its name at its end. */
export function lines(chart: Lines, ...more: readonly never[]): Picture {
  const kinds = { ...HEADING, x: VECTOR, xTitle: TEXT, lines: OBJECTS, yTitle: TEXT, domain: DOMAIN };
  checkChart('lines', chart, kinds, ['lines'], more);
  for (const line of chart.lines) checkChart('A line', line, { name: TEXT, values: VECTOR }, ['name', 'values']);
  const series = chart.lines.map(({ name, values }) => ({ name, values: vectorOf(values) }));
  const x = chart.x ? vectorOf(chart.x) : [...(series[0]?.values.keys() ?? [])];
  for (const { name, values } of series)
    checkCounts('lines', `values of ${name}`, values.length, 'values of x', x.length);
  const points = series.flatMap(({ name, values }) => values.map((y, i) => ({ name, x: x[i]!, y })));
  const end = x.indexOf(Math.max(...x));
  const [low, high] = chart.domain ?? [Math.min(...points.map(({ y }) => y)), Math.max(...points.map(({ y }) => y))];
  const ends = series.map(({ values }) => values[end]!);
  const places = apart(ends, ((high - low) * NAME_HEIGHT) / HEIGHT);
  const names = series.map(({ name }, i) => ({ name, x: x[end], y: places[i] }));
  const ticks = x.every(Number.isInteger) ? { tickMinStep: 1 } : {};
  return draw({
    title: heading(chart),
    data: { values: points },
    width: 460,
    height: HEIGHT,
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
        data: { values: names },
        mark: { type: 'text', align: 'left', dx: 10, fontSize: 13 },
        encoding: { text: { field: 'name', type: 'nominal' } },
      },
    ],
  });
}
