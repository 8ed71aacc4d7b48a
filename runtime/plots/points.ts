import { draw, heading } from './draw.ts';
import { checkChart, checkCounts, HEADING, MATRIX, TEXT, TEXTS } from './options.ts';
import type { Heading, Picture } from './picture.ts';
import { placeNames } from './place-names.ts';
import { type Matrix, matrixOf } from './values.ts';

/** Points in the plane, each with a name, coloured by its group. */
export interface Points extends Heading {
  /** [points, 2] */
  readonly values: Matrix;
  readonly names: readonly string[];
  /** The group of each point; all of one group unless given. */
  readonly groups?: readonly string[];
  readonly xTitle?: string;
  readonly yTitle?: string;
}

/** In pixels. */
const WIDTH = 460;
const HEIGHT = 340;

/** A scatter plot. */
export function points(chart: Points, ...more: readonly never[]): Picture {
  const kinds = { ...HEADING, values: MATRIX, names: TEXTS, groups: TEXTS, xTitle: TEXT, yTitle: TEXT };
  checkChart('points', chart, kinds, ['values', 'names'], more);
  const { names, groups, xTitle, yTitle, ...head } = chart;
  const values = matrixOf(chart.values);
  checkCounts('points', 'names', names.length, 'points', values.length);
  if (groups) checkCounts('points', 'groups', groups.length, 'points', values.length);
  for (const point of values) checkCounts('points', 'numbers in a point', point.length, 'are expected', 2);
  const across = stretched(
    values.map(([x]) => x!),
    WIDTH,
  );
  const down = stretched(
    values.map(([, y]) => -y!),
    HEIGHT,
  );
  const places = placeNames(
    values.map(([x, y]) => ({ x: across.pixel(x!), y: down.pixel(-y!) })),
    names,
  );
  const all = values.map(([x, y], i) => ({
    x,
    y,
    name: names[i],
    nameX: across.value(places[i]!.x),
    nameY: -down.value(places[i]!.y),
    group: groups?.[i] ?? '',
  }));
  const axis = { gridColor: '#e4e7eb' };
  const scale = { zero: false };
  return draw({
    title: heading(head),
    data: { values: all },
    width: WIDTH,
    height: HEIGHT,
    encoding: {
      x: { field: 'x', type: 'quantitative', title: xTitle || null, scale, axis },
      y: { field: 'y', type: 'quantitative', title: yTitle || null, scale, axis },
      color: { field: 'group', type: 'nominal', sort: null, title: null, ...(groups ? {} : { legend: null }) },
    },
    layer: [
      { mark: { type: 'circle', size: 80, opacity: 0.9 } },
      {
        mark: { type: 'text', fontSize: 10 },
        encoding: {
          x: { field: 'nameX', type: 'quantitative' },
          y: { field: 'nameY', type: 'quantitative' },
          text: { field: 'name', type: 'nominal' },
        },
      },
    ],
  });
}

/** Values on an axis of this many pixels, from the least to the largest, and back. */
function stretched(values: readonly number[], pixels: number) {
  const least = Math.min(...values);
  const scale = (Math.max(...values) - least || 1) / pixels;
  return { pixel: (value: number) => (value - least) / scale, value: (pixel: number) => least + pixel * scale };
}
