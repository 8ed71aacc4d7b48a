import { draw, heading } from './draw.ts';
import type { Heading, Picture } from './picture.ts';
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

/** A scatter plot. */
export function points({ values, names, groups, xTitle, yTitle, ...head }: Points): Picture {
  const all = matrixOf(values).map(([x, y], i) => ({ x, y, name: names[i], group: groups?.[i] ?? '' }));
  const axis = { gridColor: '#e4e7eb' };
  const scale = { zero: false };
  return draw({
    title: heading(head),
    data: { values: all },
    width: 460,
    height: 340,
    encoding: {
      x: { field: 'x', type: 'quantitative', title: xTitle || null, scale, axis },
      y: { field: 'y', type: 'quantitative', title: yTitle || null, scale, axis },
      color: { field: 'group', type: 'nominal', sort: null, title: null, ...(groups ? {} : { legend: null }) },
    },
    layer: [
      { mark: { type: 'circle', size: 80, opacity: 0.9 } },
      { mark: { type: 'text', dy: -10, fontSize: 10 }, encoding: { text: { field: 'name', type: 'nominal' } } },
    ],
  });
}
